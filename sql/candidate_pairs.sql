-- Pairs of reports of one stream that may tell the same event, of which the first is among the newly loaded versions.
--
-- Looked for among reports of one sex (or an unknown one) and of about one age (or an unknown one) that share a name
-- and a product, a name and a day of onset, a record number and a unit, or a product and a day of onset. What more than
-- `largest` reports share (a day of onset: `largest_day`) is no sign of anything; reports × largest bounds the pairs of
-- each of the four.
--
-- New versions lead to the others by name, record number or day. Streams and products are compared as `stream || ''` so
-- that SQLite takes those indexes, of few reports each, and not the ones of streams and products, of thousands.
WITH fresh AS (
  SELECT v.version_id, v.stream, v.case_number, v.onset_on, v.record_hash, v.hospital, v.sex, v.age_years,
    COALESCE(person.name_hash, '') AS name_hash
  FROM case_version AS v
  LEFT JOIN case_person AS person ON person.version_id = v.version_id
  WHERE v.version_id >= :first AND v.stream || '' = :stream AND v.left_out = ''
),
fresh_product AS (
  SELECT DISTINCT fresh.version_id, fresh.onset_on, fresh.name_hash, fresh.sex, fresh.age_years, named.product
  FROM fresh
  JOIN case_product AS named ON named.version_id = fresh.version_id AND named.role IN (:role, :other_role)
),
crowded_name AS (
  SELECT person.name_hash
  FROM case_person AS person
  WHERE person.name_hash IN (SELECT fresh.name_hash FROM fresh)
  GROUP BY person.name_hash
  HAVING person.name_hash = '' OR COUNT(*) > :largest
),
crowded_record AS (
  SELECT v.record_hash
  FROM case_version AS v
  WHERE v.record_hash IN (SELECT fresh.record_hash FROM fresh WHERE fresh.record_hash <> '')
  GROUP BY v.record_hash
  HAVING COUNT(*) > :largest
),
crowded_day AS (
  SELECT v.onset_on
  FROM case_version AS v
  WHERE v.onset_on IN (SELECT fresh.onset_on FROM fresh WHERE fresh.onset_on <> '')
  GROUP BY v.onset_on
  HAVING COUNT(*) > :largest_day
),
product_on_day AS (
  SELECT v.version_id, v.onset_on, v.sex, v.age_years, named.product || '' AS product
  FROM case_version AS v
  JOIN case_product AS named ON named.version_id = v.version_id AND named.role IN (:role, :other_role)
),
same_day AS (
  SELECT one.version_id, v.version_id AS other_id, COUNT(*) OVER (PARTITION BY one.version_id, one.product) AS others
  FROM fresh_product AS one
  JOIN product_on_day AS v
    ON v.onset_on = one.onset_on
    AND v.product = one.product
    AND (one.sex = v.sex OR one.sex NOT IN ('male', 'female') OR v.sex NOT IN ('male', 'female'))
    AND (one.age_years IS NULL OR v.age_years IS NULL OR ABS(one.age_years - v.age_years) <= :apart)
  WHERE one.onset_on <> '' AND one.onset_on NOT IN (SELECT crowded_day.onset_on FROM crowded_day)
),
alike AS (
  SELECT one.version_id, person.version_id AS other_id
  FROM fresh_product AS one
  JOIN case_person AS person ON person.name_hash = one.name_hash
  JOIN case_product AS named
    ON named.version_id = person.version_id AND named.product || '' = one.product AND named.role IN (:role, :other_role)
  WHERE one.name_hash <> '' AND one.name_hash NOT IN (SELECT crowded_name.name_hash FROM crowded_name)
  UNION
  SELECT one.version_id, person.version_id
  FROM fresh AS one
  JOIN case_person AS person ON person.name_hash = one.name_hash
  JOIN case_version AS v ON v.version_id = person.version_id AND v.onset_on = one.onset_on
  WHERE one.name_hash <> '' AND one.onset_on <> ''
    AND one.name_hash NOT IN (SELECT crowded_name.name_hash FROM crowded_name)
  UNION
  SELECT one.version_id, v.version_id
  FROM fresh AS one
  JOIN case_version AS v ON v.record_hash = one.record_hash AND v.hospital = one.hospital
  WHERE one.record_hash <> '' AND one.hospital <> ''
    AND one.record_hash NOT IN (SELECT crowded_record.record_hash FROM crowded_record)
  UNION
  SELECT same_day.version_id, same_day.other_id
  FROM same_day
  WHERE same_day.others <= :largest
)
SELECT DISTINCT one.case_number AS case_number, other.case_number AS other_number
FROM alike
JOIN fresh AS one ON one.version_id = alike.version_id
JOIN case_version AS other ON other.version_id = alike.other_id
WHERE other.stream || '' = one.stream
  AND other.left_out = ''
  AND other.case_number <> one.case_number
  AND (one.sex = other.sex OR one.sex NOT IN ('male', 'female') OR other.sex NOT IN ('male', 'female'))
  AND (one.age_years IS NULL OR other.age_years IS NULL OR ABS(one.age_years - other.age_years) <= :apart)

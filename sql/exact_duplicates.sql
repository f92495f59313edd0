-- Versions of reports of one stream with the same patient, onset and a counted product in common,
-- of which the first is among the newly loaded versions.
--
-- `|| ''`: so that SQLite goes from the new versions to the others by the patient, of whom there are few reports, and
-- not by the indexes of streams, onsets and products, with thousands.
SELECT DISTINCT
  one.case_number AS case_number,
  one.version_id AS version_id,
  other.case_number AS other_number,
  other.version_id AS other_version_id
FROM case_version AS one
JOIN case_version AS other
  ON other.patient_hash = one.patient_hash
  AND other.onset_on || '' = one.onset_on
  AND other.stream || '' = one.stream
  AND other.case_number <> one.case_number
JOIN case_product AS one_product ON one_product.version_id = one.version_id
JOIN case_product AS other_product
  ON other_product.version_id = other.version_id
  AND other_product.product || '' = one_product.product
WHERE one.version_id >= :first
  AND one.stream || '' = :stream
  AND one.patient_hash <> ''
  AND one.onset_on || '' <> ''
  AND one.left_out = ''
  AND other.left_out = ''
  AND one_product.role IN (:role, :other_role)
  AND other_product.role IN (:role, :other_role)
ORDER BY one.version_id, other.version_id

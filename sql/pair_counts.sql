-- All pair counts of a set of cases: a, n_product, n_event and n for each pair of a product and an event.
--
-- Wants two tables (or views): case_product (case_id, product) and case_event (case_id, event). Both may repeat rows.
-- Counted are the cases with at least one product and at least one event; a case adds at most 1 to a cell.
-- Plain ANSI SQL; the order of the rows is left open, since engines sort text differently.
with counted as (
    select distinct case_product.case_id
    from case_product
    inner join case_event on case_event.case_id = case_product.case_id
),
one_product as (
    select distinct case_product.case_id, case_product.product
    from case_product
    inner join counted on counted.case_id = case_product.case_id
),
one_event as (
    select distinct case_event.case_id, case_event.event
    from case_event
    inner join counted on counted.case_id = case_event.case_id
),
pair as (
    select one_product.product, one_event.event, count(*) as a
    from one_product
    inner join one_event on one_event.case_id = one_product.case_id
    group by one_product.product, one_event.event
),
by_product as (
    select product, count(*) as n_product from one_product group by product
),
by_event as (
    select event, count(*) as n_event from one_event group by event
),
everything as (
    select count(*) as n from counted
)
select pair.product, pair.event, pair.a, by_product.n_product, by_event.n_event, everything.n
from pair
inner join by_product on by_product.product = pair.product
inner join by_event on by_event.event = pair.event
cross join everything

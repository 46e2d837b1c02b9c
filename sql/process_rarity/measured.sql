-- measured.sql: each group with its measures as numbers: hour of the first start, logarithms of count and of the length of the
-- longest command line, and how many of the signs of line_features its command lines have.
-- Logarithms are whole thousandths: sums of them are equal in whatever order they are added.
SELECT
    grouped.interval                                         AS interval,
    Computer,
    Account,
    AccountType,
    Process,
    count,
    date_part('hour', first_start)                           AS first_hour,
    cast(round(1000 * ln(count)) AS bigint)                  AS ln_count,
    line_length,
    cast(round(1000 * ln(1.0 + line_length)) AS bigint)      AS ln_length,
    cast((line_signs & 1) + ((line_signs >> 1) & 1) + ((line_signs >> 2) & 1)
       + ((line_signs >> 3) & 1) + ((line_signs >> 4) & 1) + ((line_signs >> 5) & 1) AS bigint)  AS line_signs,
    line_forms
FROM grouped

-- Products whose master data has gaps. One row per product; the column names are what the message shows.
SELECT p.product_id   AS 编号,
       p.product_name AS 商品,
       CASE
         WHEN p.supplier_id IS NULL THEN '没有供应商'
         WHEN p.category_id IS NULL THEN '没有类别'
         ELSE '没有售价'
       END            AS 缺少
FROM products p
WHERE p.discontinued = 0
  AND (p.supplier_id IS NULL OR p.category_id IS NULL OR p.unit_price IS NULL)

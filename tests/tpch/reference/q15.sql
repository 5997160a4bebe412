with r as (select l_suppkey s,sum(l_extendedprice*(1-l_discount)) t from lineitem where l_shipdate>=date '1996-01-01' and l_shipdate<date '1996-04-01' group by 1) select s_suppkey,s_name,s_address,s_phone,t
from supplier,r
where s_suppkey=s and t=(select max(t) from r)
order by 1

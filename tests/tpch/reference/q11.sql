select ps_partkey,sum(ps_supplycost*ps_availqty) v
from partsupp,supplier,nation
where ps_suppkey=s_suppkey and s_nationkey=n_nationkey and n_name='GERMANY'
group by 1
having v>(select sum(ps_supplycost*ps_availqty)*0.0001 from partsupp,supplier,nation where ps_suppkey=s_suppkey and s_nationkey=n_nationkey and n_name='GERMANY')
order by v desc,1

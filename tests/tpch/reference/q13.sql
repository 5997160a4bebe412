select c_count,count(*) d
from (select c_custkey,count(o_orderkey) c_count from customer left join orders on c_custkey=o_custkey and o_comment not like '%special%requests%' group by 1)
group by 1
order by d desc,c_count desc

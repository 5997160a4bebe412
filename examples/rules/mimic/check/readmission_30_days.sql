-- The next admission as the least of all later ones, instead of by a window.
WITH later AS (
  SELECT a.hadm_id, min({'admittime': b.admittime, 'hadm_id': b.hadm_id}) AS next
  FROM admissions a JOIN admissions b ON b.subject_id = a.subject_id AND (b.admittime > a.admittime OR b.admittime = a.admittime AND b.hadm_id > a.hadm_id)
  GROUP BY a.hadm_id
)
SELECT a.subject_id, a.hadm_id, a.dischtime, l.next.hadm_id AS next_hadm_id, l.next.admittime AS next_admittime,
  CASE WHEN l.next.admittime >= a.dischtime AND l.next.admittime <= a.dischtime + INTERVAL 30 DAY THEN 1 ELSE 0 END AS readmitted_30_days
FROM admissions a LEFT JOIN later l ON l.hadm_id = a.hadm_id
WHERE a.hospital_expire_flag = 0

-- From the laboratory table itself; without chartevents, temperature and heart rate are unknown.
WITH l AS (
  SELECT i.icustay_id, e.itemid, e.valuenum AS v FROM icustays i JOIN labevents e ON e.subject_id = i.subject_id
  WHERE e.valuenum IS NOT NULL AND e.charttime >= i.intime AND e.charttime < i.intime + INTERVAL 1 DAY AND e.itemid IN (51300, 51301, 50818)
), c AS (
  SELECT i.subject_id, i.hadm_id, i.icustay_id,
    (SELECT max((v < 32)::INT) FROM l WHERE l.icustay_id = i.icustay_id AND itemid = 50818) AS respiration,
    (SELECT max((v < 4 OR v > 12)::INT) FROM l WHERE l.icustay_id = i.icustay_id AND itemid <> 50818) AS white_cells
  FROM icustays i
)
SELECT subject_id, hadm_id, icustay_id, NULL AS temperature, NULL AS heart_rate, respiration, white_cells,
  (respiration IS NOT NULL)::INT + (white_cells IS NOT NULL)::INT AS criteria_known,
  coalesce(respiration, 0) + coalesce(white_cells, 0) AS criteria_met
FROM c

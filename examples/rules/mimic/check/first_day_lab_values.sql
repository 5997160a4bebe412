-- Every value of the first 24 hours.
WITH items(itemid, lab) AS (VALUES
    (50862, 'albumin'),
    (50868, 'anion_gap'),
    (50882, 'bicarbonate'),
    (50885, 'bilirubin_total'),
    (51006, 'bun'),
    (50902, 'chloride'),
    (50912, 'creatinine'),
    (50809, 'glucose'), (50931, 'glucose'),
    (51221, 'hematocrit'),
    (51222, 'hemoglobin'),
    (51237, 'inr'),
    (50813, 'lactate'),
    (50818, 'pco2'),
    (50820, 'ph'),
    (51265, 'platelet'),
    (50971, 'potassium'),
    (51274, 'pt'),
    (51275, 'ptt'),
    (50983, 'sodium'),
    (51300, 'wbc'), (51301, 'wbc')
), found AS (
  SELECT i.icustay_id, t.lab, l.charttime, l.row_id, l.valuenum
  FROM icustays i, labevents l, items t
  WHERE l.subject_id = i.subject_id AND l.itemid = t.itemid AND l.valuenum IS NOT NULL
    AND l.charttime BETWEEN i.intime AND i.intime + INTERVAL 24 HOUR AND l.charttime <> i.intime + INTERVAL 24 HOUR
)
SELECT * FROM found

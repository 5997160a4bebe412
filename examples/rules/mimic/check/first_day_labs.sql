-- The first value by a window, the extremes by a pivot of groups.
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
), ranked AS (
  SELECT *, row_number() OVER (PARTITION BY icustay_id, lab ORDER BY charttime, row_id) AS n FROM found
), summary AS (
  SELECT icustay_id, lab, max(CASE WHEN n = 1 THEN valuenum END) AS first, min(valuenum) AS low, max(valuenum) AS high FROM ranked GROUP BY 1, 2
)
SELECT i.subject_id, i.hadm_id, i.icustay_id,
  albumin.first AS albumin_first, albumin.low AS albumin_min, albumin.high AS albumin_max,
  anion_gap.first AS anion_gap_first, anion_gap.low AS anion_gap_min, anion_gap.high AS anion_gap_max,
  bicarbonate.first AS bicarbonate_first, bicarbonate.low AS bicarbonate_min, bicarbonate.high AS bicarbonate_max,
  bilirubin_total.first AS bilirubin_total_first, bilirubin_total.low AS bilirubin_total_min, bilirubin_total.high AS bilirubin_total_max,
  bun.first AS bun_first, bun.low AS bun_min, bun.high AS bun_max,
  chloride.first AS chloride_first, chloride.low AS chloride_min, chloride.high AS chloride_max,
  creatinine.first AS creatinine_first, creatinine.low AS creatinine_min, creatinine.high AS creatinine_max,
  glucose.first AS glucose_first, glucose.low AS glucose_min, glucose.high AS glucose_max,
  hematocrit.first AS hematocrit_first, hematocrit.low AS hematocrit_min, hematocrit.high AS hematocrit_max,
  hemoglobin.first AS hemoglobin_first, hemoglobin.low AS hemoglobin_min, hemoglobin.high AS hemoglobin_max,
  inr.first AS inr_first, inr.low AS inr_min, inr.high AS inr_max,
  lactate.first AS lactate_first, lactate.low AS lactate_min, lactate.high AS lactate_max,
  pco2.first AS pco2_first, pco2.low AS pco2_min, pco2.high AS pco2_max,
  ph.first AS ph_first, ph.low AS ph_min, ph.high AS ph_max,
  platelet.first AS platelet_first, platelet.low AS platelet_min, platelet.high AS platelet_max,
  potassium.first AS potassium_first, potassium.low AS potassium_min, potassium.high AS potassium_max,
  pt.first AS pt_first, pt.low AS pt_min, pt.high AS pt_max,
  ptt.first AS ptt_first, ptt.low AS ptt_min, ptt.high AS ptt_max,
  sodium.first AS sodium_first, sodium.low AS sodium_min, sodium.high AS sodium_max,
  wbc.first AS wbc_first, wbc.low AS wbc_min, wbc.high AS wbc_max
FROM icustays i
LEFT JOIN summary albumin ON albumin.icustay_id = i.icustay_id AND albumin.lab = 'albumin'
LEFT JOIN summary anion_gap ON anion_gap.icustay_id = i.icustay_id AND anion_gap.lab = 'anion_gap'
LEFT JOIN summary bicarbonate ON bicarbonate.icustay_id = i.icustay_id AND bicarbonate.lab = 'bicarbonate'
LEFT JOIN summary bilirubin_total ON bilirubin_total.icustay_id = i.icustay_id AND bilirubin_total.lab = 'bilirubin_total'
LEFT JOIN summary bun ON bun.icustay_id = i.icustay_id AND bun.lab = 'bun'
LEFT JOIN summary chloride ON chloride.icustay_id = i.icustay_id AND chloride.lab = 'chloride'
LEFT JOIN summary creatinine ON creatinine.icustay_id = i.icustay_id AND creatinine.lab = 'creatinine'
LEFT JOIN summary glucose ON glucose.icustay_id = i.icustay_id AND glucose.lab = 'glucose'
LEFT JOIN summary hematocrit ON hematocrit.icustay_id = i.icustay_id AND hematocrit.lab = 'hematocrit'
LEFT JOIN summary hemoglobin ON hemoglobin.icustay_id = i.icustay_id AND hemoglobin.lab = 'hemoglobin'
LEFT JOIN summary inr ON inr.icustay_id = i.icustay_id AND inr.lab = 'inr'
LEFT JOIN summary lactate ON lactate.icustay_id = i.icustay_id AND lactate.lab = 'lactate'
LEFT JOIN summary pco2 ON pco2.icustay_id = i.icustay_id AND pco2.lab = 'pco2'
LEFT JOIN summary ph ON ph.icustay_id = i.icustay_id AND ph.lab = 'ph'
LEFT JOIN summary platelet ON platelet.icustay_id = i.icustay_id AND platelet.lab = 'platelet'
LEFT JOIN summary potassium ON potassium.icustay_id = i.icustay_id AND potassium.lab = 'potassium'
LEFT JOIN summary pt ON pt.icustay_id = i.icustay_id AND pt.lab = 'pt'
LEFT JOIN summary ptt ON ptt.icustay_id = i.icustay_id AND ptt.lab = 'ptt'
LEFT JOIN summary sodium ON sodium.icustay_id = i.icustay_id AND sodium.lab = 'sodium'
LEFT JOIN summary wbc ON wbc.icustay_id = i.icustay_id AND wbc.lab = 'wbc'

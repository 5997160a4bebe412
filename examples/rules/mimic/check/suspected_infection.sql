-- Days of antibiotics and of cultures, all pairs.
WITH a AS (
  SELECT DISTINCT hadm_id, startdate::DATE AS d FROM prescriptions
  WHERE route IN ('IV', 'IV DRIP', 'PO', 'PO/NG', 'NG', 'IVPCA') AND startdate IS NOT NULL AND regexp_matches(drug,
    'vancomycin|cefazolin|ceftriaxone|cefepime|ceftazidime|piperacillin|meropenem|imipenem|levofloxacin|ciprofloxacin|metronidazole|ampicillin|nafcillin|azithromycin|gentamicin|tobramycin|linezolid|clindamycin|aztreonam|sulfameth|doxycycline|daptomycin', 'i')
), m AS (SELECT DISTINCT hadm_id, chartdate::DATE AS d FROM microbiologyevents WHERE hadm_id IS NOT NULL AND chartdate IS NOT NULL)
SELECT hadm_id, min(CASE WHEN a.d < m.d THEN a.d ELSE m.d END) AS suspected_day, count(*) AS pairs
FROM a JOIN m USING (hadm_id) WHERE a.d - m.d BETWEEN -1 AND 3 GROUP BY hadm_id

-- Over the rules' own tables, each checked by its own query.
SELECT s.subject_id, s.hadm_id, s.icustay_id, s.criteria_known, s.criteria_met, (s.hadm_id IN (SELECT hadm_id FROM suspected_infection))::INT AS suspected_infection,
  (s.criteria_met >= 2 AND s.hadm_id IN (SELECT hadm_id FROM suspected_infection))::INT AS sirs_sepsis,
  (SELECT angus FROM sepsis_angus a WHERE a.hadm_id = s.hadm_id) AS angus, (SELECT charlson_index FROM charlson c WHERE c.hadm_id = s.hadm_id) AS charlson_index
FROM sirs_first_day s

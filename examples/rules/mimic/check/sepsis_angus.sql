-- Angus et al. 2001, appendix; as regular expressions, admissions found by EXISTS.
WITH c AS (
  SELECT a.subject_id, a.hadm_id,
    EXISTS (SELECT 1 FROM diagnoses_icd d WHERE d.hadm_id = a.hadm_id AND (
      regexp_matches(d.icd9_code, '^(00[1-589]|01[0-8]|02[0-7]|03[0-9]|04[01]|09[0-8]|10[0-4]|11[0124-8]|32[0245]|42[01]|451|46[1-5]|48[1256]|494|51[03]|54[0-2]|56[67]|59[07]|601|61[4-6]|68[1236]|730)')
      OR regexp_matches(d.icd9_code, '^(5695|572[01]|5750|5990|7110|7907|9966|9985|9993|49121|562[01][13]|56983)')))::INT AS infection,
    (EXISTS (SELECT 1 FROM diagnoses_icd d WHERE d.hadm_id = a.hadm_id
       AND regexp_matches(d.icd9_code, '^(458|293|570|584|7855|348[13]|287[45]|286[96]|5734)'))
     OR EXISTS (SELECT 1 FROM procedures_icd p WHERE p.hadm_id = a.hadm_id AND p.icd9_code LIKE '967%'))::INT AS organ_dysfunction,
    EXISTS (SELECT 1 FROM diagnoses_icd d WHERE d.hadm_id = a.hadm_id AND d.icd9_code IN ('99592', '78552'))::INT AS explicit_sepsis
  FROM admissions a
)
SELECT *, (explicit_sepsis = 1 OR infection = 1 AND organ_dysfunction = 1)::INT AS angus FROM c

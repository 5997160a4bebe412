-- Quan et al. 2005, Table 1 (enhanced ICD-9-CM), each group as one regular expression over the code without its dot; weights of Charlson 1987.
WITH d AS (SELECT hadm_id, icd9_code AS c FROM diagnoses_icd), g AS (
  SELECT hadm_id,
    bool_or(regexp_matches(c, '^41[02]')) AS mi,
    bool_or(regexp_matches(c, '^(39891|402[019]1|404[019][13]|425[4-9]|428)')) AS chf,
    bool_or(regexp_matches(c, '^(0930|4373|44[01]|443[1-9]|4471|557[19]|V434)')) AS pvd,
    bool_or(regexp_matches(c, '^(36234|43[0-8])')) AS cvd,
    bool_or(regexp_matches(c, '^(290|2941|3312)')) AS dementia,
    bool_or(regexp_matches(c, '^(416[89]|49[0-9]|50[0-5]|5064|508[18])')) AS cpd,
    bool_or(regexp_matches(c, '^(4465|710[0-4]|714[0128]|725)')) AS rheum,
    bool_or(regexp_matches(c, '^53[1-4]')) AS pud,
    bool_or(regexp_matches(c, '^(070[23][23]|070[45]4|070[69]|57[01]|573[3489]|V427)')) AS mild,
    bool_or(regexp_matches(c, '^250[012389]')) AS dm,
    bool_or(regexp_matches(c, '^250[4-7]')) AS dmc,
    bool_or(regexp_matches(c, '^(3341|34[23]|344[0-69])')) AS para,
    bool_or(regexp_matches(c, '^(403[019]1|404[019][23]|582|583[0-7]|58[56]|5880|V420|V451|V56)')) AS renal,
    bool_or(regexp_matches(c, '^(1[4-6][0-9]|17[0-2]|17[4-9]|18[0-9]|19[0-4]|195[0-8]|20[0-8]|2386)')) AS cancer,
    bool_or(regexp_matches(c, '^(456[0-2]|572[2-8])')) AS severe,
    bool_or(regexp_matches(c, '^19[6-9]')) AS metastatic,
    bool_or(regexp_matches(c, '^04[2-4]')) AS aids
  FROM d GROUP BY hadm_id
), f AS (
  SELECT a.subject_id, a.hadm_id, coalesce(mi, false)::INT AS mi, coalesce(chf, false)::INT AS chf, coalesce(pvd, false)::INT AS pvd,
    coalesce(cvd, false)::INT AS cvd, coalesce(dementia, false)::INT AS dementia, coalesce(cpd, false)::INT AS cpd, coalesce(rheum, false)::INT AS rheum,
    coalesce(pud, false)::INT AS pud, coalesce(mild, false)::INT AS mild, coalesce(dm, false)::INT AS dm, coalesce(dmc, false)::INT AS dmc,
    coalesce(para, false)::INT AS para, coalesce(renal, false)::INT AS renal, coalesce(cancer, false)::INT AS cancer,
    coalesce(severe, false)::INT AS severe, coalesce(metastatic, false)::INT AS metastatic, coalesce(aids, false)::INT AS aids
  FROM admissions a LEFT JOIN g USING (hadm_id)
)
SELECT *, mi + chf + pvd + cvd + dementia + cpd + rheum + pud + greatest(mild, 3 * severe) + greatest(dm, 2 * dmc) + 2 * para + 2 * renal
  + greatest(2 * cancer, 6 * metastatic) + 6 * aids AS charlson_index
FROM f

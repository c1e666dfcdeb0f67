DROP TABLE task_plan_rules;
DROP TABLE plans;

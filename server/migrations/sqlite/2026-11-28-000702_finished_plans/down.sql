ALTER TABLE projects DROP COLUMN skip_plans_of_finished_work;

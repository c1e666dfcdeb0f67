-- Whether plans of tasks that did the work themselves become no tasks.
ALTER TABLE projects ADD COLUMN skip_plans_of_finished_work BOOLEAN NOT NULL DEFAULT FALSE;

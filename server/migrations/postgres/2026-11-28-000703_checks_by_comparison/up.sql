-- PostgreSQL prepares a list once; there is nothing to change here, and the two databases keep the same numbers of migrations.
SELECT 1;

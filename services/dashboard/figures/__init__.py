"""The pictures and tables of each page: functions of tables, which draw and know nothing else."""

/* The record jobs: migrate, import, export. Their contracts are those of <satchel/job.h>. */
#ifndef SAT_RECORD_JOBS_H
#define SAT_RECORD_JOBS_H

#include <satchel/job.h>

/* `options` is a whole struct of this version (the api layer filled what was missing), not NULL. */
int sat_db_migrate_job(struct satchel_db *source, struct satchel_db *destination,
                       const satchel_migrate_options *options, struct satchel_job **job,
                       satchel_error *err);
int sat_db_import_job(struct satchel_db *db, const char *path, const satchel_text_options *options,
                      struct satchel_job **job, satchel_error *err);
int sat_db_export_job(struct satchel_db *db, const char *path, const satchel_text_options *options,
                      struct satchel_job **job, satchel_error *err);

#endif

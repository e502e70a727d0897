-- Generated from the declarations in shared/datasets by `econstream schema sql`.

CREATE OR REPLACE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

CREATE TABLE IF NOT EXISTS "cboe_vix_history" (
  "symbol" text COLLATE "C" NOT NULL,
  "date" date NOT NULL,
  "open" double precision,
  "high" double precision,
  "low" double precision,
  "close" double precision NOT NULL,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("symbol", "date")
) WITH (fillfactor = 80);

COMMENT ON TABLE "cboe_vix_history" IS 'Daily values of CBOE''s volatility indices (VIX, VIX3M, VVIX …), one for each index and day. CBOE revises its history, so a day may have several versions. Some indices have a close only. A few historical candles are impossible (close outside low..high); they are kept as published.';

COMMENT ON COLUMN "cboe_vix_history"."symbol" IS 'the index, such as VIX';

COMMENT ON COLUMN "cboe_vix_history"."date" IS 'trading day in Chicago';

COMMENT ON COLUMN "cboe_vix_history"."open" IS 'first value of the day (index points)';

COMMENT ON COLUMN "cboe_vix_history"."high" IS 'highest value (index points)';

COMMENT ON COLUMN "cboe_vix_history"."low" IS 'lowest value (index points)';

COMMENT ON COLUMN "cboe_vix_history"."close" IS 'last value of the day (index points)';

COMMENT ON COLUMN "cboe_vix_history"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "cboe_vix_history"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "cboe_vix_history"."source" IS 'who published the record';

COMMENT ON COLUMN "cboe_vix_history"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "cboe_vix_history"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "cboe_vix_history"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "cboe_vix_history"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "cboe_vix_history"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "cboe_vix_history_revisions" (
  "symbol" text COLLATE "C" NOT NULL,
  "date" date NOT NULL,
  "open" double precision,
  "high" double precision,
  "low" double precision,
  "close" double precision NOT NULL,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("symbol", "date", "as_of")
);

COMMENT ON TABLE "cboe_vix_history_revisions" IS 'Earlier versions of cboe_vix_history, and later ones that were withdrawn.';

COMMENT ON COLUMN "cboe_vix_history_revisions"."symbol" IS 'the index, such as VIX';

COMMENT ON COLUMN "cboe_vix_history_revisions"."date" IS 'trading day in Chicago';

COMMENT ON COLUMN "cboe_vix_history_revisions"."open" IS 'first value of the day (index points)';

COMMENT ON COLUMN "cboe_vix_history_revisions"."high" IS 'highest value (index points)';

COMMENT ON COLUMN "cboe_vix_history_revisions"."low" IS 'lowest value (index points)';

COMMENT ON COLUMN "cboe_vix_history_revisions"."close" IS 'last value of the day (index points)';

COMMENT ON COLUMN "cboe_vix_history_revisions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "cboe_vix_history_revisions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "cboe_vix_history_revisions"."source" IS 'who published the record';

COMMENT ON COLUMN "cboe_vix_history_revisions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "cboe_vix_history_revisions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "cboe_vix_history_revisions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "cboe_vix_history_revisions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "cboe_vix_history_revisions"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "data_refresh_log" (
  "run_id" text COLLATE "C" NOT NULL,
  "data_type" text COLLATE "C" NOT NULL,
  "refresh_time" timestamptz NOT NULL,
  "status" text COLLATE "C" NOT NULL,
  "records_updated" bigint NOT NULL,
  "error_message" text COLLATE "C",
  "duration_seconds" double precision,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("run_id")
) WITH (fillfactor = 80);

COMMENT ON TABLE "data_refresh_log" IS 'The log of refreshes, one row for each run of a source: what it fetched or why it failed.';

COMMENT ON COLUMN "data_refresh_log"."run_id" IS 'the run; records carry it in their header';

COMMENT ON COLUMN "data_refresh_log"."data_type" IS 'the dataset that was refreshed';

COMMENT ON COLUMN "data_refresh_log"."refresh_time" IS 'when the run began';

COMMENT ON COLUMN "data_refresh_log"."status" IS 'success, partial, unchanged or failed';

COMMENT ON COLUMN "data_refresh_log"."records_updated" IS 'records published (count)';

COMMENT ON COLUMN "data_refresh_log"."error_message" IS 'why it failed, or what was left out';

COMMENT ON COLUMN "data_refresh_log"."duration_seconds" IS 'how long it took (s)';

COMMENT ON COLUMN "data_refresh_log"."source" IS 'who published the record';

COMMENT ON COLUMN "data_refresh_log"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "data_refresh_log"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "data_refresh_log"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "data_refresh_log"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "data_refresh_log"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "fred_data" (
  "series_id" text COLLATE "C" NOT NULL,
  "date" date NOT NULL,
  "value" double precision,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("series_id", "date")
) WITH (fillfactor = 80);

COMMENT ON TABLE "fred_data" IS 'Observations of economic series from FRED, one value for each series and date. Each published vintage is a version: ask with `as_of` for the figures as they were known on a day. A value is null where FRED has none (".") or withdrew the one it had.';

COMMENT ON COLUMN "fred_data"."series_id" IS 'FRED''s name of the series, such as GDP';

COMMENT ON COLUMN "fred_data"."date" IS 'first day of the period observed';

COMMENT ON COLUMN "fred_data"."value" IS 'the observation, in the units that fred_series gives; null: none';

COMMENT ON COLUMN "fred_data"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "fred_data"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "fred_data"."source" IS 'who published the record';

COMMENT ON COLUMN "fred_data"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "fred_data"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "fred_data"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "fred_data"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "fred_data"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "fred_data_revisions" (
  "series_id" text COLLATE "C" NOT NULL,
  "date" date NOT NULL,
  "value" double precision,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("series_id", "date", "as_of")
);

COMMENT ON TABLE "fred_data_revisions" IS 'Earlier versions of fred_data, and later ones that were withdrawn.';

COMMENT ON COLUMN "fred_data_revisions"."series_id" IS 'FRED''s name of the series, such as GDP';

COMMENT ON COLUMN "fred_data_revisions"."date" IS 'first day of the period observed';

COMMENT ON COLUMN "fred_data_revisions"."value" IS 'the observation, in the units that fred_series gives; null: none';

COMMENT ON COLUMN "fred_data_revisions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "fred_data_revisions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "fred_data_revisions"."source" IS 'who published the record';

COMMENT ON COLUMN "fred_data_revisions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "fred_data_revisions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "fred_data_revisions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "fred_data_revisions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "fred_data_revisions"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "fred_series" (
  "series_id" text COLLATE "C" NOT NULL,
  "title" text COLLATE "C" NOT NULL,
  "units" text COLLATE "C",
  "units_short" text COLLATE "C",
  "frequency" text COLLATE "C",
  "seasonal_adjustment" text COLLATE "C",
  "release" text COLLATE "C",
  "last_updated" timestamptz,
  "notes" text COLLATE "C",
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("series_id")
) WITH (fillfactor = 80);

COMMENT ON TABLE "fred_series" IS 'Descriptions of the FRED series, one row for each: what `fred_data` measures and how.';

COMMENT ON COLUMN "fred_series"."series_id" IS 'FRED''s name of the series, such as GDP';

COMMENT ON COLUMN "fred_series"."title" IS 'what the series measures';

COMMENT ON COLUMN "fred_series"."units" IS 'units of the values';

COMMENT ON COLUMN "fred_series"."units_short" IS 'units, abbreviated';

COMMENT ON COLUMN "fred_series"."frequency" IS 'how often there is a value';

COMMENT ON COLUMN "fred_series"."seasonal_adjustment" IS 'seasonal adjustment, if any';

COMMENT ON COLUMN "fred_series"."release" IS 'the release that the series is part of';

COMMENT ON COLUMN "fred_series"."last_updated" IS 'FRED''s own time of last update';

COMMENT ON COLUMN "fred_series"."notes" IS 'FRED''s notes on the series';

COMMENT ON COLUMN "fred_series"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "fred_series"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "fred_series"."source" IS 'who published the record';

COMMENT ON COLUMN "fred_series"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "fred_series"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "fred_series"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "fred_series"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "fred_series"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "fred_series_revisions" (
  "series_id" text COLLATE "C" NOT NULL,
  "title" text COLLATE "C" NOT NULL,
  "units" text COLLATE "C",
  "units_short" text COLLATE "C",
  "frequency" text COLLATE "C",
  "seasonal_adjustment" text COLLATE "C",
  "release" text COLLATE "C",
  "last_updated" timestamptz,
  "notes" text COLLATE "C",
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("series_id", "as_of")
);

COMMENT ON TABLE "fred_series_revisions" IS 'Earlier versions of fred_series, and later ones that were withdrawn.';

COMMENT ON COLUMN "fred_series_revisions"."series_id" IS 'FRED''s name of the series, such as GDP';

COMMENT ON COLUMN "fred_series_revisions"."title" IS 'what the series measures';

COMMENT ON COLUMN "fred_series_revisions"."units" IS 'units of the values';

COMMENT ON COLUMN "fred_series_revisions"."units_short" IS 'units, abbreviated';

COMMENT ON COLUMN "fred_series_revisions"."frequency" IS 'how often there is a value';

COMMENT ON COLUMN "fred_series_revisions"."seasonal_adjustment" IS 'seasonal adjustment, if any';

COMMENT ON COLUMN "fred_series_revisions"."release" IS 'the release that the series is part of';

COMMENT ON COLUMN "fred_series_revisions"."last_updated" IS 'FRED''s own time of last update';

COMMENT ON COLUMN "fred_series_revisions"."notes" IS 'FRED''s notes on the series';

COMMENT ON COLUMN "fred_series_revisions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "fred_series_revisions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "fred_series_revisions"."source" IS 'who published the record';

COMMENT ON COLUMN "fred_series_revisions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "fred_series_revisions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "fred_series_revisions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "fred_series_revisions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "fred_series_revisions"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "yfinance_ohlcv" (
  "ticker" text COLLATE "C" NOT NULL,
  "date" date NOT NULL,
  "open" double precision,
  "high" double precision,
  "low" double precision,
  "close" double precision NOT NULL,
  "adj_close" double precision,
  "volume" bigint,
  "currency" text COLLATE "C",
  "is_final" boolean DEFAULT true NOT NULL,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("ticker", "date")
) WITH (fillfactor = 80);

COMMENT ON TABLE "yfinance_ohlcv" IS 'Daily bars, adjusted for splits, one for each ticker and trading day of its exchange. Prices are in `currency` exactly as quoted: `GBp` is pence, `GBP` pounds. `adj_close` is also adjusted for dividends; every dividend rewrites it, so it is kept up to date without versions.';

COMMENT ON COLUMN "yfinance_ohlcv"."ticker" IS 'Yahoo''s symbol, such as AAPL or ^GSPC';

COMMENT ON COLUMN "yfinance_ohlcv"."date" IS 'trading day in the exchange''s time zone';

COMMENT ON COLUMN "yfinance_ohlcv"."open" IS 'first price of the session';

COMMENT ON COLUMN "yfinance_ohlcv"."high" IS 'highest price of the session';

COMMENT ON COLUMN "yfinance_ohlcv"."low" IS 'lowest price of the session';

COMMENT ON COLUMN "yfinance_ohlcv"."close" IS 'last price of the session';

COMMENT ON COLUMN "yfinance_ohlcv"."adj_close" IS 'close adjusted for splits and dividends; makes no version';

COMMENT ON COLUMN "yfinance_ohlcv"."volume" IS 'shares or contracts traded (count)';

COMMENT ON COLUMN "yfinance_ohlcv"."currency" IS 'currency as quoted';

COMMENT ON COLUMN "yfinance_ohlcv"."is_final" IS 'false for the bar of a session still open';

COMMENT ON COLUMN "yfinance_ohlcv"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "yfinance_ohlcv"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "yfinance_ohlcv"."source" IS 'who published the record';

COMMENT ON COLUMN "yfinance_ohlcv"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "yfinance_ohlcv"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "yfinance_ohlcv"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "yfinance_ohlcv"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "yfinance_ohlcv"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "yfinance_ohlcv_revisions" (
  "ticker" text COLLATE "C" NOT NULL,
  "date" date NOT NULL,
  "open" double precision,
  "high" double precision,
  "low" double precision,
  "close" double precision NOT NULL,
  "adj_close" double precision,
  "volume" bigint,
  "currency" text COLLATE "C",
  "is_final" boolean DEFAULT true NOT NULL,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("ticker", "date", "as_of")
);

COMMENT ON TABLE "yfinance_ohlcv_revisions" IS 'Earlier versions of yfinance_ohlcv, and later ones that were withdrawn.';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."ticker" IS 'Yahoo''s symbol, such as AAPL or ^GSPC';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."date" IS 'trading day in the exchange''s time zone';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."open" IS 'first price of the session';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."high" IS 'highest price of the session';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."low" IS 'lowest price of the session';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."close" IS 'last price of the session';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."adj_close" IS 'close adjusted for splits and dividends; makes no version';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."volume" IS 'shares or contracts traded (count)';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."currency" IS 'currency as quoted';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."is_final" IS 'false for the bar of a session still open';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."source" IS 'who published the record';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "yfinance_ohlcv_revisions"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "dead_letters" (
  "id" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  "cluster_id" text COLLATE "C" NOT NULL,
  "topic" text COLLATE "C" NOT NULL,
  "partition" integer NOT NULL,
  "offset" bigint NOT NULL,
  "dataset" text COLLATE "C" NOT NULL,
  "message_timestamp" timestamptz,
  "as_of" timestamptz,
  "key" bytea,
  "value" bytea,
  "headers" text COLLATE "C" NOT NULL,
  "error_code" text COLLATE "C" NOT NULL,
  "reason" text COLLATE "C" NOT NULL,
  "field" text COLLATE "C",
  "attempts" integer NOT NULL,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "resolved_at" timestamptz,
  "resolution" text COLLATE "C",
  PRIMARY KEY ("id"),
  UNIQUE ("cluster_id", "topic", "partition", "offset")
);

COMMENT ON TABLE "dead_letters" IS 'Messages that broke their dataset''s rules, raw, with the reason.';

COMMENT ON COLUMN "dead_letters"."id" IS 'number of the letter';

COMMENT ON COLUMN "dead_letters"."cluster_id" IS 'cluster that the topic is on';

COMMENT ON COLUMN "dead_letters"."topic" IS 'the topic';

COMMENT ON COLUMN "dead_letters"."partition" IS 'its partition';

COMMENT ON COLUMN "dead_letters"."offset" IS 'offset of the message';

COMMENT ON COLUMN "dead_letters"."dataset" IS 'dataset whose topic it came on';

COMMENT ON COLUMN "dead_letters"."message_timestamp" IS 'the message''s own timestamp';

COMMENT ON COLUMN "dead_letters"."as_of" IS 'as_of of the record; null where it could not be read';

COMMENT ON COLUMN "dead_letters"."key" IS 'the message''s key';

COMMENT ON COLUMN "dead_letters"."value" IS 'the message''s bytes; null for a tombstone';

COMMENT ON COLUMN "dead_letters"."headers" IS 'the headers as a JSON array of [name, base64 of the value]';

COMMENT ON COLUMN "dead_letters"."error_code" IS 'stable name of the fault';

COMMENT ON COLUMN "dead_letters"."reason" IS 'why the record was refused';

COMMENT ON COLUMN "dead_letters"."field" IS 'the field at fault';

COMMENT ON COLUMN "dead_letters"."attempts" IS 'how often it was read';

COMMENT ON COLUMN "dead_letters"."created_at" IS 'when it was put here';

COMMENT ON COLUMN "dead_letters"."resolved_at" IS 'when it was stored or discarded';

COMMENT ON COLUMN "dead_letters"."resolution" IS 'how it was resolved';

CREATE TABLE IF NOT EXISTS "consumer_offsets" (
  "cluster_id" text COLLATE "C" NOT NULL,
  "group_id" text COLLATE "C" NOT NULL,
  "topic" text COLLATE "C" NOT NULL,
  "partition" integer NOT NULL,
  "epoch" integer NOT NULL,
  "next_offset" bigint NOT NULL,
  "last_timestamp" bigint,
  "last_crc32" bigint,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("cluster_id", "group_id", "topic", "partition")
);

COMMENT ON TABLE "consumer_offsets" IS 'How far each partition is stored; moved in the transaction that stores the rows.';

COMMENT ON COLUMN "consumer_offsets"."cluster_id" IS 'cluster that the topic is on';

COMMENT ON COLUMN "consumer_offsets"."group_id" IS 'consumer group';

COMMENT ON COLUMN "consumer_offsets"."topic" IS 'the topic';

COMMENT ON COLUMN "consumer_offsets"."partition" IS 'its partition';

COMMENT ON COLUMN "consumer_offsets"."epoch" IS 'rises when the topic is read anew';

COMMENT ON COLUMN "consumer_offsets"."next_offset" IS 'first offset that is not stored yet';

COMMENT ON COLUMN "consumer_offsets"."last_timestamp" IS 'timestamp of the record before it, ms';

COMMENT ON COLUMN "consumer_offsets"."last_crc32" IS 'CRC-32 of the value of the record before it';

COMMENT ON COLUMN "consumer_offsets"."updated_at" IS 'when it last moved';

CREATE OR REPLACE VIEW "cboe_vix_history_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "symbol", "date" ORDER BY as_of) AS known_until FROM (SELECT "symbol", "date", "open", "high", "low", "close", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "cboe_vix_history" UNION ALL SELECT "symbol", "date", "open", "high", "low", "close", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "cboe_vix_history_revisions") AS v;

CREATE OR REPLACE FUNCTION "cboe_vix_history_as_of"(ts timestamptz) RETURNS TABLE ("symbol" text, "date" date, "open" double precision, "high" double precision, "low" double precision, "close" double precision, "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text, "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz) LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("symbol", "date") "symbol", "date", "open", "high", "low", "close", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "symbol", "date", "open", "high", "low", "close", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "cboe_vix_history" UNION ALL SELECT "symbol", "date", "open", "high", "low", "close", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "cboe_vix_history_revisions") AS v WHERE v.as_of <= ts ORDER BY "symbol", "date", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "cboe_vix_history" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."symbol", OLD."date", OLD."open", OLD."high", OLD."low", OLD."close", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."symbol", NEW."date", NEW."open", NEW."high", NEW."low", NEW."close", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "cboe_vix_history_versions" IS 'Every version of cboe_vix_history and when it was current (definition 23933af7).';

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "data_refresh_log" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."run_id", OLD."data_type", OLD."refresh_time", OLD."status", OLD."records_updated", OLD."error_message", OLD."duration_seconds", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."run_id", NEW."data_type", NEW."refresh_time", NEW."status", NEW."records_updated", NEW."error_message", NEW."duration_seconds", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

CREATE OR REPLACE VIEW "fred_data_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "series_id", "date" ORDER BY as_of) AS known_until FROM (SELECT "series_id", "date", "value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_data" UNION ALL SELECT "series_id", "date", "value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_data_revisions") AS v;

CREATE OR REPLACE FUNCTION "fred_data_as_of"(ts timestamptz) RETURNS TABLE ("series_id" text, "date" date, "value" double precision, "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text, "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz) LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("series_id", "date") "series_id", "date", "value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "series_id", "date", "value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_data" UNION ALL SELECT "series_id", "date", "value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_data_revisions") AS v WHERE v.as_of <= ts ORDER BY "series_id", "date", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "fred_data" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."series_id", OLD."date", OLD."value", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."series_id", NEW."date", NEW."value", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "fred_data_versions" IS 'Every version of fred_data and when it was current (definition 75c11250).';

CREATE OR REPLACE VIEW "fred_series_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "series_id" ORDER BY as_of) AS known_until FROM (SELECT "series_id", "title", "units", "units_short", "frequency", "seasonal_adjustment", "release", "last_updated", "notes", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_series" UNION ALL SELECT "series_id", "title", "units", "units_short", "frequency", "seasonal_adjustment", "release", "last_updated", "notes", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_series_revisions") AS v;

CREATE OR REPLACE FUNCTION "fred_series_as_of"(ts timestamptz) RETURNS TABLE ("series_id" text, "title" text, "units" text, "units_short" text, "frequency" text, "seasonal_adjustment" text, "release" text, "last_updated" timestamptz, "notes" text, "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text, "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz) LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("series_id") "series_id", "title", "units", "units_short", "frequency", "seasonal_adjustment", "release", "last_updated", "notes", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "series_id", "title", "units", "units_short", "frequency", "seasonal_adjustment", "release", "last_updated", "notes", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_series" UNION ALL SELECT "series_id", "title", "units", "units_short", "frequency", "seasonal_adjustment", "release", "last_updated", "notes", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_series_revisions") AS v WHERE v.as_of <= ts ORDER BY "series_id", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "fred_series" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."series_id", OLD."title", OLD."units", OLD."units_short", OLD."frequency", OLD."seasonal_adjustment", OLD."release", OLD."last_updated", OLD."notes", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."series_id", NEW."title", NEW."units", NEW."units_short", NEW."frequency", NEW."seasonal_adjustment", NEW."release", NEW."last_updated", NEW."notes", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "fred_series_versions" IS 'Every version of fred_series and when it was current (definition d2829fde).';

CREATE OR REPLACE VIEW "yfinance_ohlcv_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "ticker", "date" ORDER BY as_of) AS known_until FROM (SELECT "ticker", "date", "open", "high", "low", "close", "adj_close", "volume", "currency", "is_final", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "yfinance_ohlcv" UNION ALL SELECT "ticker", "date", "open", "high", "low", "close", "adj_close", "volume", "currency", "is_final", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "yfinance_ohlcv_revisions") AS v;

CREATE OR REPLACE FUNCTION "yfinance_ohlcv_as_of"(ts timestamptz) RETURNS TABLE ("ticker" text, "date" date, "open" double precision, "high" double precision, "low" double precision, "close" double precision, "adj_close" double precision, "volume" bigint, "currency" text, "is_final" boolean, "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text, "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz) LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("ticker", "date") "ticker", "date", "open", "high", "low", "close", "adj_close", "volume", "currency", "is_final", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "ticker", "date", "open", "high", "low", "close", "adj_close", "volume", "currency", "is_final", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "yfinance_ohlcv" UNION ALL SELECT "ticker", "date", "open", "high", "low", "close", "adj_close", "volume", "currency", "is_final", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "yfinance_ohlcv_revisions") AS v WHERE v.as_of <= ts ORDER BY "ticker", "date", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "yfinance_ohlcv" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."ticker", OLD."date", OLD."open", OLD."high", OLD."low", OLD."close", OLD."adj_close", OLD."volume", OLD."currency", OLD."is_final", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."ticker", NEW."date", NEW."open", NEW."high", NEW."low", NEW."close", NEW."adj_close", NEW."volume", NEW."currency", NEW."is_final", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "yfinance_ohlcv_versions" IS 'Every version of yfinance_ohlcv and when it was current (definition 59a307b8).';

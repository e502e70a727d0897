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

CREATE TABLE IF NOT EXISTS "corporate_actions" (
  "ticker" text COLLATE "C" NOT NULL,
  "ex_date" date NOT NULL,
  "kind" text COLLATE "C" NOT NULL,
  "amount" double precision,
  "ratio" double precision,
  "currency" text COLLATE "C",
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("ticker", "ex_date", "kind")
) WITH (fillfactor = 80);

COMMENT ON TABLE "corporate_actions" IS 'Dividends, splits and capital gains distributed, one for each ticker, day and kind. A dividend''s or gain''s `amount` is in `currency` for one share of today: Yahoo adjusts it for later splits, and each such change is a version. A split has a `ratio` instead: new shares for one old, 4.0 for four to one, 0.1 where ten became one.';

COMMENT ON COLUMN "corporate_actions"."ticker" IS 'Yahoo''s symbol, such as AAPL';

COMMENT ON COLUMN "corporate_actions"."ex_date" IS 'first day traded without it, at the exchange';

COMMENT ON COLUMN "corporate_actions"."kind" IS 'dividend, split or capital_gain';

COMMENT ON COLUMN "corporate_actions"."amount" IS 'paid for one share; null for a split';

COMMENT ON COLUMN "corporate_actions"."ratio" IS 'new shares for one old; null if no split';

COMMENT ON COLUMN "corporate_actions"."currency" IS 'currency as quoted: GBp is pence';

COMMENT ON COLUMN "corporate_actions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "corporate_actions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "corporate_actions"."source" IS 'who published the record';

COMMENT ON COLUMN "corporate_actions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "corporate_actions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "corporate_actions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "corporate_actions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "corporate_actions"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "corporate_actions_revisions" (
  "ticker" text COLLATE "C" NOT NULL,
  "ex_date" date NOT NULL,
  "kind" text COLLATE "C" NOT NULL,
  "amount" double precision,
  "ratio" double precision,
  "currency" text COLLATE "C",
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("ticker", "ex_date", "kind", "as_of")
);

COMMENT ON TABLE "corporate_actions_revisions" IS 'Earlier versions of corporate_actions, and later ones that were withdrawn.';

COMMENT ON COLUMN "corporate_actions_revisions"."ticker" IS 'Yahoo''s symbol, such as AAPL';

COMMENT ON COLUMN "corporate_actions_revisions"."ex_date" IS 'first day traded without it, at the exchange';

COMMENT ON COLUMN "corporate_actions_revisions"."kind" IS 'dividend, split or capital_gain';

COMMENT ON COLUMN "corporate_actions_revisions"."amount" IS 'paid for one share; null for a split';

COMMENT ON COLUMN "corporate_actions_revisions"."ratio" IS 'new shares for one old; null if no split';

COMMENT ON COLUMN "corporate_actions_revisions"."currency" IS 'currency as quoted: GBp is pence';

COMMENT ON COLUMN "corporate_actions_revisions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "corporate_actions_revisions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "corporate_actions_revisions"."source" IS 'who published the record';

COMMENT ON COLUMN "corporate_actions_revisions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "corporate_actions_revisions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "corporate_actions_revisions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "corporate_actions_revisions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "corporate_actions_revisions"."updated_at" IS 'when the row last changed';

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

CREATE TABLE IF NOT EXISTS "ici_etf_monthly_flows" (
  "fund_type" text COLLATE "C" NOT NULL,
  "month_ending" date NOT NULL,
  "total_net_flows" double precision,
  "equity_net_flows" double precision,
  "domestic_equity_net_flows" double precision,
  "world_equity_net_flows" double precision,
  "hybrid_net_flows" double precision,
  "bond_net_flows" double precision,
  "taxable_bond_net_flows" double precision,
  "municipal_bond_net_flows" double precision,
  "commodity_net_flows" double precision,
  "is_estimate" boolean NOT NULL,
  "period_days" bigint,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("fund_type", "month_ending")
) WITH (fillfactor = 80);

COMMENT ON TABLE "ici_etf_monthly_flows" IS 'Net flows into US long-term funds, one row for each kind of fund and month. ICI restates published months, so a month has versions. `fund_type` says which workbook a row is from; `combined` is the sum of the other two: never add it to them.';

COMMENT ON COLUMN "ici_etf_monthly_flows"."fund_type" IS 'etf, mutual_fund or combined, which is the sum of both';

COMMENT ON COLUMN "ici_etf_monthly_flows"."month_ending" IS 'last day of the month';

COMMENT ON COLUMN "ici_etf_monthly_flows"."total_net_flows" IS 'all long-term funds (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows"."equity_net_flows" IS 'equity funds (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows"."domestic_equity_net_flows" IS 'equity funds, domestic (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows"."world_equity_net_flows" IS 'equity funds, world (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows"."hybrid_net_flows" IS 'funds of both equity and bonds (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows"."bond_net_flows" IS 'bond funds (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows"."taxable_bond_net_flows" IS 'bond funds, taxable (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows"."municipal_bond_net_flows" IS 'bond funds, municipal (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows"."commodity_net_flows" IS 'commodity funds; null where ICI does not count them (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows"."is_estimate" IS 'false: monthly figures are counted';

COMMENT ON COLUMN "ici_etf_monthly_flows"."period_days" IS 'length of the month (days)';

COMMENT ON COLUMN "ici_etf_monthly_flows"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "ici_etf_monthly_flows"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "ici_etf_monthly_flows"."source" IS 'who published the record';

COMMENT ON COLUMN "ici_etf_monthly_flows"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "ici_etf_monthly_flows"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "ici_etf_monthly_flows"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "ici_etf_monthly_flows"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "ici_etf_monthly_flows"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "ici_etf_monthly_flows_revisions" (
  "fund_type" text COLLATE "C" NOT NULL,
  "month_ending" date NOT NULL,
  "total_net_flows" double precision,
  "equity_net_flows" double precision,
  "domestic_equity_net_flows" double precision,
  "world_equity_net_flows" double precision,
  "hybrid_net_flows" double precision,
  "bond_net_flows" double precision,
  "taxable_bond_net_flows" double precision,
  "municipal_bond_net_flows" double precision,
  "commodity_net_flows" double precision,
  "is_estimate" boolean NOT NULL,
  "period_days" bigint,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("fund_type", "month_ending", "as_of")
);

COMMENT ON TABLE "ici_etf_monthly_flows_revisions" IS 'Earlier versions of ici_etf_monthly_flows, and later ones that were withdrawn.';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."fund_type" IS 'etf, mutual_fund or combined, which is the sum of both';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."month_ending" IS 'last day of the month';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."total_net_flows" IS 'all long-term funds (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."equity_net_flows" IS 'equity funds (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."domestic_equity_net_flows" IS 'equity funds, domestic (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."world_equity_net_flows" IS 'equity funds, world (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."hybrid_net_flows" IS 'funds of both equity and bonds (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."bond_net_flows" IS 'bond funds (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."taxable_bond_net_flows" IS 'bond funds, taxable (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."municipal_bond_net_flows" IS 'bond funds, municipal (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."commodity_net_flows" IS 'commodity funds; null where ICI does not count them (US$ millions)';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."is_estimate" IS 'false: monthly figures are counted';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."period_days" IS 'length of the month (days)';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."source" IS 'who published the record';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "ici_etf_monthly_flows_revisions"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "ici_etf_weekly_flows" (
  "fund_type" text COLLATE "C" NOT NULL,
  "week_ending" date NOT NULL,
  "total_net_flows" double precision,
  "equity_net_flows" double precision,
  "domestic_equity_net_flows" double precision,
  "world_equity_net_flows" double precision,
  "hybrid_net_flows" double precision,
  "bond_net_flows" double precision,
  "taxable_bond_net_flows" double precision,
  "municipal_bond_net_flows" double precision,
  "commodity_net_flows" double precision,
  "is_estimate" boolean NOT NULL,
  "period_days" bigint,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("fund_type", "week_ending")
) WITH (fillfactor = 80);

COMMENT ON TABLE "ici_etf_weekly_flows" IS 'Estimated net flows into US long-term funds, one row for each kind of fund and week. ICI restates its estimates from week to week, so a week has versions; once a month''s actual figures are out its weeks vanish from ICI''s workbook and stay here. `fund_type` says which workbook a row is from; `combined` is the sum of the other two: never add it to them. A week ends on a Wednesday, before some holidays earlier: the week after is then the longer.';

COMMENT ON COLUMN "ici_etf_weekly_flows"."fund_type" IS 'etf, mutual_fund or combined, which is the sum of both';

COMMENT ON COLUMN "ici_etf_weekly_flows"."week_ending" IS 'last day of the week';

COMMENT ON COLUMN "ici_etf_weekly_flows"."total_net_flows" IS 'all long-term funds (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows"."equity_net_flows" IS 'equity funds (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows"."domestic_equity_net_flows" IS 'equity funds, domestic (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows"."world_equity_net_flows" IS 'equity funds, world (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows"."hybrid_net_flows" IS 'funds of both equity and bonds (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows"."bond_net_flows" IS 'bond funds (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows"."taxable_bond_net_flows" IS 'bond funds, taxable (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows"."municipal_bond_net_flows" IS 'bond funds, municipal (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows"."commodity_net_flows" IS 'commodity funds; null where ICI does not count them (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows"."is_estimate" IS 'true: weekly figures are estimates';

COMMENT ON COLUMN "ici_etf_weekly_flows"."period_days" IS 'length of the week, 7 as a rule; null: not known; makes no version (days)';

COMMENT ON COLUMN "ici_etf_weekly_flows"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "ici_etf_weekly_flows"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "ici_etf_weekly_flows"."source" IS 'who published the record';

COMMENT ON COLUMN "ici_etf_weekly_flows"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "ici_etf_weekly_flows"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "ici_etf_weekly_flows"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "ici_etf_weekly_flows"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "ici_etf_weekly_flows"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "ici_etf_weekly_flows_revisions" (
  "fund_type" text COLLATE "C" NOT NULL,
  "week_ending" date NOT NULL,
  "total_net_flows" double precision,
  "equity_net_flows" double precision,
  "domestic_equity_net_flows" double precision,
  "world_equity_net_flows" double precision,
  "hybrid_net_flows" double precision,
  "bond_net_flows" double precision,
  "taxable_bond_net_flows" double precision,
  "municipal_bond_net_flows" double precision,
  "commodity_net_flows" double precision,
  "is_estimate" boolean NOT NULL,
  "period_days" bigint,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("fund_type", "week_ending", "as_of")
);

COMMENT ON TABLE "ici_etf_weekly_flows_revisions" IS 'Earlier versions of ici_etf_weekly_flows, and later ones that were withdrawn.';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."fund_type" IS 'etf, mutual_fund or combined, which is the sum of both';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."week_ending" IS 'last day of the week';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."total_net_flows" IS 'all long-term funds (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."equity_net_flows" IS 'equity funds (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."domestic_equity_net_flows" IS 'equity funds, domestic (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."world_equity_net_flows" IS 'equity funds, world (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."hybrid_net_flows" IS 'funds of both equity and bonds (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."bond_net_flows" IS 'bond funds (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."taxable_bond_net_flows" IS 'bond funds, taxable (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."municipal_bond_net_flows" IS 'bond funds, municipal (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."commodity_net_flows" IS 'commodity funds; null where ICI does not count them (US$ millions)';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."is_estimate" IS 'true: weekly figures are estimates';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."period_days" IS 'length of the week, 7 as a rule; null: not known; makes no version (days)';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."source" IS 'who published the record';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "ici_etf_weekly_flows_revisions"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "ml_predictions" (
  "ticker" text COLLATE "C" NOT NULL,
  "model_name" text COLLATE "C" NOT NULL,
  "model_version" text COLLATE "C" NOT NULL,
  "target" text COLLATE "C" NOT NULL,
  "prediction_date" date NOT NULL,
  "target_date" date NOT NULL,
  "prediction_value" double precision NOT NULL,
  "lower" double precision,
  "upper" double precision,
  "interval_level" double precision,
  "confidence" double precision,
  "inputs_as_of" timestamptz,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("ticker", "model_name", "model_version", "target", "prediction_date", "target_date")
) WITH (fillfactor = 80);

COMMENT ON TABLE "ml_predictions" IS 'Predictions of models, one for each model, target and day on which it was made. Made by the processor. `inputs_as_of` says what the model could know: nothing later went in.';

COMMENT ON COLUMN "ml_predictions"."ticker" IS 'whom the prediction is about';

COMMENT ON COLUMN "ml_predictions"."model_name" IS 'the model';

COMMENT ON COLUMN "ml_predictions"."model_version" IS 'its version';

COMMENT ON COLUMN "ml_predictions"."target" IS 'what is predicted, such as close or log_return';

COMMENT ON COLUMN "ml_predictions"."prediction_date" IS 'day of the newest input';

COMMENT ON COLUMN "ml_predictions"."target_date" IS 'day that is predicted';

COMMENT ON COLUMN "ml_predictions"."prediction_value" IS 'the prediction';

COMMENT ON COLUMN "ml_predictions"."lower" IS 'lower bound of the interval';

COMMENT ON COLUMN "ml_predictions"."upper" IS 'upper bound of the interval';

COMMENT ON COLUMN "ml_predictions"."interval_level" IS 'how often the interval is to hold the truth, 0 to 1';

COMMENT ON COLUMN "ml_predictions"."confidence" IS 'the model''s own confidence, 0 to 1';

COMMENT ON COLUMN "ml_predictions"."inputs_as_of" IS 'newest as_of among what the model was given';

COMMENT ON COLUMN "ml_predictions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "ml_predictions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "ml_predictions"."source" IS 'who published the record';

COMMENT ON COLUMN "ml_predictions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "ml_predictions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "ml_predictions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "ml_predictions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "ml_predictions"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "ml_predictions_revisions" (
  "ticker" text COLLATE "C" NOT NULL,
  "model_name" text COLLATE "C" NOT NULL,
  "model_version" text COLLATE "C" NOT NULL,
  "target" text COLLATE "C" NOT NULL,
  "prediction_date" date NOT NULL,
  "target_date" date NOT NULL,
  "prediction_value" double precision NOT NULL,
  "lower" double precision,
  "upper" double precision,
  "interval_level" double precision,
  "confidence" double precision,
  "inputs_as_of" timestamptz,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("ticker", "model_name", "model_version", "target", "prediction_date", "target_date", "as_of")
);

COMMENT ON TABLE "ml_predictions_revisions" IS 'Earlier versions of ml_predictions, and later ones that were withdrawn.';

COMMENT ON COLUMN "ml_predictions_revisions"."ticker" IS 'whom the prediction is about';

COMMENT ON COLUMN "ml_predictions_revisions"."model_name" IS 'the model';

COMMENT ON COLUMN "ml_predictions_revisions"."model_version" IS 'its version';

COMMENT ON COLUMN "ml_predictions_revisions"."target" IS 'what is predicted, such as close or log_return';

COMMENT ON COLUMN "ml_predictions_revisions"."prediction_date" IS 'day of the newest input';

COMMENT ON COLUMN "ml_predictions_revisions"."target_date" IS 'day that is predicted';

COMMENT ON COLUMN "ml_predictions_revisions"."prediction_value" IS 'the prediction';

COMMENT ON COLUMN "ml_predictions_revisions"."lower" IS 'lower bound of the interval';

COMMENT ON COLUMN "ml_predictions_revisions"."upper" IS 'upper bound of the interval';

COMMENT ON COLUMN "ml_predictions_revisions"."interval_level" IS 'how often the interval is to hold the truth, 0 to 1';

COMMENT ON COLUMN "ml_predictions_revisions"."confidence" IS 'the model''s own confidence, 0 to 1';

COMMENT ON COLUMN "ml_predictions_revisions"."inputs_as_of" IS 'newest as_of among what the model was given';

COMMENT ON COLUMN "ml_predictions_revisions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "ml_predictions_revisions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "ml_predictions_revisions"."source" IS 'who published the record';

COMMENT ON COLUMN "ml_predictions_revisions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "ml_predictions_revisions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "ml_predictions_revisions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "ml_predictions_revisions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "ml_predictions_revisions"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "model_performance" (
  "model_name" text COLLATE "C" NOT NULL,
  "model_version" text COLLATE "C" NOT NULL,
  "target" text COLLATE "C" NOT NULL,
  "horizon" bigint NOT NULL,
  "universe" text COLLATE "C" NOT NULL,
  "evaluation_date" date NOT NULL,
  "metric_name" text COLLATE "C" NOT NULL,
  "dataset_type" text COLLATE "C" NOT NULL,
  "metric_value" double precision,
  "n" bigint,
  "baseline_value" double precision,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("model_name", "model_version", "target", "horizon", "universe", "evaluation_date", "metric_name", "dataset_type")
) WITH (fillfactor = 80);

COMMENT ON TABLE "model_performance" IS 'Measures of the models'' predictions, one for each model, measure and day of evaluation. Made by the processor. A figure means little without `baseline_value`, the same measure of a naive prediction over the same cases.';

COMMENT ON COLUMN "model_performance"."model_name" IS 'the model';

COMMENT ON COLUMN "model_performance"."model_version" IS 'its version';

COMMENT ON COLUMN "model_performance"."target" IS 'what is predicted, such as close or log_return';

COMMENT ON COLUMN "model_performance"."horizon" IS 'how far ahead (trading days)';

COMMENT ON COLUMN "model_performance"."universe" IS 'over which tickers: a ticker, or a name for many';

COMMENT ON COLUMN "model_performance"."evaluation_date" IS 'last day that counted';

COMMENT ON COLUMN "model_performance"."metric_name" IS 'the measure, such as mae or hit_rate';

COMMENT ON COLUMN "model_performance"."dataset_type" IS 'train, validation, test or live';

COMMENT ON COLUMN "model_performance"."metric_value" IS 'the model''s figure';

COMMENT ON COLUMN "model_performance"."n" IS 'cases that counted (count)';

COMMENT ON COLUMN "model_performance"."baseline_value" IS 'the naive prediction''s figure';

COMMENT ON COLUMN "model_performance"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "model_performance"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "model_performance"."source" IS 'who published the record';

COMMENT ON COLUMN "model_performance"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "model_performance"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "model_performance"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "model_performance"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "model_performance"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "model_performance_revisions" (
  "model_name" text COLLATE "C" NOT NULL,
  "model_version" text COLLATE "C" NOT NULL,
  "target" text COLLATE "C" NOT NULL,
  "horizon" bigint NOT NULL,
  "universe" text COLLATE "C" NOT NULL,
  "evaluation_date" date NOT NULL,
  "metric_name" text COLLATE "C" NOT NULL,
  "dataset_type" text COLLATE "C" NOT NULL,
  "metric_value" double precision,
  "n" bigint,
  "baseline_value" double precision,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("model_name", "model_version", "target", "horizon", "universe", "evaluation_date", "metric_name", "dataset_type", "as_of")
);

COMMENT ON TABLE "model_performance_revisions" IS 'Earlier versions of model_performance, and later ones that were withdrawn.';

COMMENT ON COLUMN "model_performance_revisions"."model_name" IS 'the model';

COMMENT ON COLUMN "model_performance_revisions"."model_version" IS 'its version';

COMMENT ON COLUMN "model_performance_revisions"."target" IS 'what is predicted, such as close or log_return';

COMMENT ON COLUMN "model_performance_revisions"."horizon" IS 'how far ahead (trading days)';

COMMENT ON COLUMN "model_performance_revisions"."universe" IS 'over which tickers: a ticker, or a name for many';

COMMENT ON COLUMN "model_performance_revisions"."evaluation_date" IS 'last day that counted';

COMMENT ON COLUMN "model_performance_revisions"."metric_name" IS 'the measure, such as mae or hit_rate';

COMMENT ON COLUMN "model_performance_revisions"."dataset_type" IS 'train, validation, test or live';

COMMENT ON COLUMN "model_performance_revisions"."metric_value" IS 'the model''s figure';

COMMENT ON COLUMN "model_performance_revisions"."n" IS 'cases that counted (count)';

COMMENT ON COLUMN "model_performance_revisions"."baseline_value" IS 'the naive prediction''s figure';

COMMENT ON COLUMN "model_performance_revisions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "model_performance_revisions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "model_performance_revisions"."source" IS 'who published the record';

COMMENT ON COLUMN "model_performance_revisions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "model_performance_revisions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "model_performance_revisions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "model_performance_revisions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "model_performance_revisions"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "news_articles" (
  "article_id" text COLLATE "C" NOT NULL,
  "publisher" text COLLATE "C" NOT NULL,
  "title" text COLLATE "C" NOT NULL,
  "summary" text COLLATE "C",
  "url" text COLLATE "C",
  "published_at" timestamptz NOT NULL,
  "language" text COLLATE "C",
  "tickers" text[] NOT NULL,
  "story_id" text COLLATE "C",
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("article_id")
) WITH (fillfactor = 80);

COMMENT ON TABLE "news_articles" IS 'Articles of the press, one row for each article of a publisher. Feeds give the same article under ever new links, so it is known by its publisher, its title and its day: `article_id` is a hash of the three. Link and tickers make no version. Articles with one title, whoever publishes them, share a `story_id`.';

COMMENT ON COLUMN "news_articles"."article_id" IS 'hash of publisher, title (normalised) and day in UTC';

COMMENT ON COLUMN "news_articles"."publisher" IS 'who published it, as the feed says';

COMMENT ON COLUMN "news_articles"."title" IS 'headline, without the publisher''s name behind it';

COMMENT ON COLUMN "news_articles"."summary" IS 'the feed''s summary as plain text';

COMMENT ON COLUMN "news_articles"."url" IS 'newest link to it; makes no version';

COMMENT ON COLUMN "news_articles"."published_at" IS 'when it was published';

COMMENT ON COLUMN "news_articles"."language" IS 'language, ISO 639-1, such as en';

COMMENT ON COLUMN "news_articles"."tickers" IS 'tickers it is about, as feed and text name them; makes no version';

COMMENT ON COLUMN "news_articles"."story_id" IS 'hash of the normalised title';

COMMENT ON COLUMN "news_articles"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "news_articles"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "news_articles"."source" IS 'who published the record';

COMMENT ON COLUMN "news_articles"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "news_articles"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "news_articles"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "news_articles"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "news_articles"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "news_articles_revisions" (
  "article_id" text COLLATE "C" NOT NULL,
  "publisher" text COLLATE "C" NOT NULL,
  "title" text COLLATE "C" NOT NULL,
  "summary" text COLLATE "C",
  "url" text COLLATE "C",
  "published_at" timestamptz NOT NULL,
  "language" text COLLATE "C",
  "tickers" text[] NOT NULL,
  "story_id" text COLLATE "C",
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("article_id", "as_of")
);

COMMENT ON TABLE "news_articles_revisions" IS 'Earlier versions of news_articles, and later ones that were withdrawn.';

COMMENT ON COLUMN "news_articles_revisions"."article_id" IS 'hash of publisher, title (normalised) and day in UTC';

COMMENT ON COLUMN "news_articles_revisions"."publisher" IS 'who published it, as the feed says';

COMMENT ON COLUMN "news_articles_revisions"."title" IS 'headline, without the publisher''s name behind it';

COMMENT ON COLUMN "news_articles_revisions"."summary" IS 'the feed''s summary as plain text';

COMMENT ON COLUMN "news_articles_revisions"."url" IS 'newest link to it; makes no version';

COMMENT ON COLUMN "news_articles_revisions"."published_at" IS 'when it was published';

COMMENT ON COLUMN "news_articles_revisions"."language" IS 'language, ISO 639-1, such as en';

COMMENT ON COLUMN "news_articles_revisions"."tickers" IS 'tickers it is about, as feed and text name them; makes no version';

COMMENT ON COLUMN "news_articles_revisions"."story_id" IS 'hash of the normalised title';

COMMENT ON COLUMN "news_articles_revisions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "news_articles_revisions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "news_articles_revisions"."source" IS 'who published the record';

COMMENT ON COLUMN "news_articles_revisions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "news_articles_revisions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "news_articles_revisions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "news_articles_revisions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "news_articles_revisions"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "news_sentiment" (
  "article_id" text COLLATE "C" NOT NULL,
  "source_name" text COLLATE "C" NOT NULL,
  "title" text COLLATE "C" NOT NULL,
  "url" text COLLATE "C",
  "published_at" timestamptz NOT NULL,
  "sentiment_score" double precision NOT NULL,
  "sentiment_label" text COLLATE "C" NOT NULL,
  "relevance_score" double precision,
  "entities" text[] NOT NULL,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("article_id")
) WITH (fillfactor = 80);

COMMENT ON TABLE "news_sentiment" IS 'Sentiment of the articles in `news_articles`, one row for each; made by the processor.';

COMMENT ON COLUMN "news_sentiment"."article_id" IS 'the article, as in news_articles';

COMMENT ON COLUMN "news_sentiment"."source_name" IS 'who published it';

COMMENT ON COLUMN "news_sentiment"."title" IS 'headline that was judged';

COMMENT ON COLUMN "news_sentiment"."url" IS 'a link to it; makes no version';

COMMENT ON COLUMN "news_sentiment"."published_at" IS 'when it was published';

COMMENT ON COLUMN "news_sentiment"."sentiment_score" IS '-1 (bad) to 1 (good)';

COMMENT ON COLUMN "news_sentiment"."sentiment_label" IS 'positive, neutral or negative';

COMMENT ON COLUMN "news_sentiment"."relevance_score" IS '0 to 1: how much it is about them';

COMMENT ON COLUMN "news_sentiment"."entities" IS 'whom it names: tickers and names';

COMMENT ON COLUMN "news_sentiment"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "news_sentiment"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "news_sentiment"."source" IS 'who published the record';

COMMENT ON COLUMN "news_sentiment"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "news_sentiment"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "news_sentiment"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "news_sentiment"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "news_sentiment"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "news_sentiment_revisions" (
  "article_id" text COLLATE "C" NOT NULL,
  "source_name" text COLLATE "C" NOT NULL,
  "title" text COLLATE "C" NOT NULL,
  "url" text COLLATE "C",
  "published_at" timestamptz NOT NULL,
  "sentiment_score" double precision NOT NULL,
  "sentiment_label" text COLLATE "C" NOT NULL,
  "relevance_score" double precision,
  "entities" text[] NOT NULL,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("article_id", "as_of")
);

COMMENT ON TABLE "news_sentiment_revisions" IS 'Earlier versions of news_sentiment, and later ones that were withdrawn.';

COMMENT ON COLUMN "news_sentiment_revisions"."article_id" IS 'the article, as in news_articles';

COMMENT ON COLUMN "news_sentiment_revisions"."source_name" IS 'who published it';

COMMENT ON COLUMN "news_sentiment_revisions"."title" IS 'headline that was judged';

COMMENT ON COLUMN "news_sentiment_revisions"."url" IS 'a link to it; makes no version';

COMMENT ON COLUMN "news_sentiment_revisions"."published_at" IS 'when it was published';

COMMENT ON COLUMN "news_sentiment_revisions"."sentiment_score" IS '-1 (bad) to 1 (good)';

COMMENT ON COLUMN "news_sentiment_revisions"."sentiment_label" IS 'positive, neutral or negative';

COMMENT ON COLUMN "news_sentiment_revisions"."relevance_score" IS '0 to 1: how much it is about them';

COMMENT ON COLUMN "news_sentiment_revisions"."entities" IS 'whom it names: tickers and names';

COMMENT ON COLUMN "news_sentiment_revisions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "news_sentiment_revisions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "news_sentiment_revisions"."source" IS 'who published the record';

COMMENT ON COLUMN "news_sentiment_revisions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "news_sentiment_revisions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "news_sentiment_revisions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "news_sentiment_revisions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "news_sentiment_revisions"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "options_chain" (
  "contract" text COLLATE "C" NOT NULL,
  "date" date NOT NULL,
  "underlying" text COLLATE "C" NOT NULL,
  "expiry" date NOT NULL,
  "strike" double precision NOT NULL,
  "right" text COLLATE "C" NOT NULL,
  "bid" double precision,
  "ask" double precision,
  "last" double precision,
  "iv" double precision,
  "delta" double precision,
  "volume" bigint,
  "open_interest" bigint,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("contract", "date")
) WITH (fillfactor = 80);

COMMENT ON TABLE "options_chain" IS 'Quotes of option contracts, delayed by 15 minutes, one for each contract and trading day. `date` is the underlying''s last trading day in New York, whenever the chain was fetched. The topic keeps 90 days; the table keeps everything.';

COMMENT ON COLUMN "options_chain"."contract" IS 'OCC symbol, such as AAPL260724C00110000';

COMMENT ON COLUMN "options_chain"."date" IS 'underlying''s last trading day in New York';

COMMENT ON COLUMN "options_chain"."underlying" IS 'what the option is on, such as AAPL or ^SPX';

COMMENT ON COLUMN "options_chain"."expiry" IS 'last day it can be exercised';

COMMENT ON COLUMN "options_chain"."strike" IS 'price at which it is exercised (US$)';

COMMENT ON COLUMN "options_chain"."right" IS 'call or put';

COMMENT ON COLUMN "options_chain"."bid" IS 'best bid (US$)';

COMMENT ON COLUMN "options_chain"."ask" IS 'best ask (US$)';

COMMENT ON COLUMN "options_chain"."last" IS 'price of the last trade; null: none yet (US$)';

COMMENT ON COLUMN "options_chain"."iv" IS 'implied volatility a year, 0.25 is 25 %; null: unknown';

COMMENT ON COLUMN "options_chain"."delta" IS 'change of its price for US$ 1 of underlying';

COMMENT ON COLUMN "options_chain"."volume" IS 'traded that day (contracts)';

COMMENT ON COLUMN "options_chain"."open_interest" IS 'outstanding (contracts)';

COMMENT ON COLUMN "options_chain"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "options_chain"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "options_chain"."source" IS 'who published the record';

COMMENT ON COLUMN "options_chain"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "options_chain"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "options_chain"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "options_chain"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "options_chain"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "options_chain_revisions" (
  "contract" text COLLATE "C" NOT NULL,
  "date" date NOT NULL,
  "underlying" text COLLATE "C" NOT NULL,
  "expiry" date NOT NULL,
  "strike" double precision NOT NULL,
  "right" text COLLATE "C" NOT NULL,
  "bid" double precision,
  "ask" double precision,
  "last" double precision,
  "iv" double precision,
  "delta" double precision,
  "volume" bigint,
  "open_interest" bigint,
  "as_of" timestamptz NOT NULL,
  "confirmed_as_of" timestamptz NOT NULL,
  "source" text COLLATE "C",
  "kafka_epoch" integer,
  "kafka_partition" integer,
  "kafka_offset" bigint,
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "updated_at" timestamptz DEFAULT now() NOT NULL,
  PRIMARY KEY ("contract", "date", "as_of")
);

COMMENT ON TABLE "options_chain_revisions" IS 'Earlier versions of options_chain, and later ones that were withdrawn.';

COMMENT ON COLUMN "options_chain_revisions"."contract" IS 'OCC symbol, such as AAPL260724C00110000';

COMMENT ON COLUMN "options_chain_revisions"."date" IS 'underlying''s last trading day in New York';

COMMENT ON COLUMN "options_chain_revisions"."underlying" IS 'what the option is on, such as AAPL or ^SPX';

COMMENT ON COLUMN "options_chain_revisions"."expiry" IS 'last day it can be exercised';

COMMENT ON COLUMN "options_chain_revisions"."strike" IS 'price at which it is exercised (US$)';

COMMENT ON COLUMN "options_chain_revisions"."right" IS 'call or put';

COMMENT ON COLUMN "options_chain_revisions"."bid" IS 'best bid (US$)';

COMMENT ON COLUMN "options_chain_revisions"."ask" IS 'best ask (US$)';

COMMENT ON COLUMN "options_chain_revisions"."last" IS 'price of the last trade; null: none yet (US$)';

COMMENT ON COLUMN "options_chain_revisions"."iv" IS 'implied volatility a year, 0.25 is 25 %; null: unknown';

COMMENT ON COLUMN "options_chain_revisions"."delta" IS 'change of its price for US$ 1 of underlying';

COMMENT ON COLUMN "options_chain_revisions"."volume" IS 'traded that day (contracts)';

COMMENT ON COLUMN "options_chain_revisions"."open_interest" IS 'outstanding (contracts)';

COMMENT ON COLUMN "options_chain_revisions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "options_chain_revisions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "options_chain_revisions"."source" IS 'who published the record';

COMMENT ON COLUMN "options_chain_revisions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "options_chain_revisions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "options_chain_revisions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "options_chain_revisions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "options_chain_revisions"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "options_data" (
  "ticker" text COLLATE "C" NOT NULL,
  "date" date NOT NULL,
  "put_volume" bigint NOT NULL,
  "call_volume" bigint NOT NULL,
  "put_call_ratio" double precision,
  "implied_volatility" double precision,
  "open_interest" bigint NOT NULL,
  "put_open_interest" bigint NOT NULL,
  "call_open_interest" bigint NOT NULL,
  "contracts_used" bigint NOT NULL,
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

COMMENT ON TABLE "options_data" IS 'Options of an underlying summed over its whole chain, one row for each trading day. `implied_volatility` is that of 30 days at the money: at each of the two expiries around 30 days the volatilities of call and put are averaged and interpolated between the two strikes around the underlying''s price; between the expiries variance is interpolated over time, as Cboe does for VIX. It is null where no expiry stands on one side.';

COMMENT ON COLUMN "options_data"."ticker" IS 'the underlying, such as AAPL or ^SPX';

COMMENT ON COLUMN "options_data"."date" IS 'its last trading day in New York';

COMMENT ON COLUMN "options_data"."put_volume" IS 'puts traded (contracts)';

COMMENT ON COLUMN "options_data"."call_volume" IS 'calls traded (contracts)';

COMMENT ON COLUMN "options_data"."put_call_ratio" IS 'put_volume / call_volume; null: no call was traded';

COMMENT ON COLUMN "options_data"."implied_volatility" IS '30 days, at the money, a year; 0.25 is 25 %';

COMMENT ON COLUMN "options_data"."open_interest" IS 'outstanding (contracts)';

COMMENT ON COLUMN "options_data"."put_open_interest" IS 'puts outstanding (contracts)';

COMMENT ON COLUMN "options_data"."call_open_interest" IS 'calls outstanding (contracts)';

COMMENT ON COLUMN "options_data"."contracts_used" IS 'listed contracts summed (count)';

COMMENT ON COLUMN "options_data"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "options_data"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "options_data"."source" IS 'who published the record';

COMMENT ON COLUMN "options_data"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "options_data"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "options_data"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "options_data"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "options_data"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "options_data_revisions" (
  "ticker" text COLLATE "C" NOT NULL,
  "date" date NOT NULL,
  "put_volume" bigint NOT NULL,
  "call_volume" bigint NOT NULL,
  "put_call_ratio" double precision,
  "implied_volatility" double precision,
  "open_interest" bigint NOT NULL,
  "put_open_interest" bigint NOT NULL,
  "call_open_interest" bigint NOT NULL,
  "contracts_used" bigint NOT NULL,
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

COMMENT ON TABLE "options_data_revisions" IS 'Earlier versions of options_data, and later ones that were withdrawn.';

COMMENT ON COLUMN "options_data_revisions"."ticker" IS 'the underlying, such as AAPL or ^SPX';

COMMENT ON COLUMN "options_data_revisions"."date" IS 'its last trading day in New York';

COMMENT ON COLUMN "options_data_revisions"."put_volume" IS 'puts traded (contracts)';

COMMENT ON COLUMN "options_data_revisions"."call_volume" IS 'calls traded (contracts)';

COMMENT ON COLUMN "options_data_revisions"."put_call_ratio" IS 'put_volume / call_volume; null: no call was traded';

COMMENT ON COLUMN "options_data_revisions"."implied_volatility" IS '30 days, at the money, a year; 0.25 is 25 %';

COMMENT ON COLUMN "options_data_revisions"."open_interest" IS 'outstanding (contracts)';

COMMENT ON COLUMN "options_data_revisions"."put_open_interest" IS 'puts outstanding (contracts)';

COMMENT ON COLUMN "options_data_revisions"."call_open_interest" IS 'calls outstanding (contracts)';

COMMENT ON COLUMN "options_data_revisions"."contracts_used" IS 'listed contracts summed (count)';

COMMENT ON COLUMN "options_data_revisions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "options_data_revisions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "options_data_revisions"."source" IS 'who published the record';

COMMENT ON COLUMN "options_data_revisions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "options_data_revisions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "options_data_revisions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "options_data_revisions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "options_data_revisions"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "technical_features" (
  "ticker" text COLLATE "C" NOT NULL,
  "date" date NOT NULL,
  "rsi_14" double precision,
  "macd" double precision,
  "macd_signal" double precision,
  "bb_upper" double precision,
  "bb_middle" double precision,
  "bb_lower" double precision,
  "sma_50" double precision,
  "sma_200" double precision,
  "ema_12" double precision,
  "ema_26" double precision,
  "atr_14" double precision,
  "obv" bigint,
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

COMMENT ON TABLE "technical_features" IS 'Technical indicators on the split-adjusted close, one row for each ticker and trading day. Made by the processor from `yfinance_ohlcv`. An indicator is null until it has enough bars.';

COMMENT ON COLUMN "technical_features"."ticker" IS 'Yahoo''s symbol, as in yfinance_ohlcv';

COMMENT ON COLUMN "technical_features"."date" IS 'trading day of the last bar that counts';

COMMENT ON COLUMN "technical_features"."rsi_14" IS 'relative strength, 14 days, 0 to 100';

COMMENT ON COLUMN "technical_features"."macd" IS 'ema_12 - ema_26';

COMMENT ON COLUMN "technical_features"."macd_signal" IS '9-day EMA of macd';

COMMENT ON COLUMN "technical_features"."bb_upper" IS 'Bollinger band, 20 days, 2 deviations up';

COMMENT ON COLUMN "technical_features"."bb_middle" IS 'middle of the bands: 20-day mean';

COMMENT ON COLUMN "technical_features"."bb_lower" IS '2 deviations below the mean';

COMMENT ON COLUMN "technical_features"."sma_50" IS 'mean of 50 days';

COMMENT ON COLUMN "technical_features"."sma_200" IS 'mean of 200 days';

COMMENT ON COLUMN "technical_features"."ema_12" IS 'exponential mean, 12 days';

COMMENT ON COLUMN "technical_features"."ema_26" IS 'exponential mean, 26 days';

COMMENT ON COLUMN "technical_features"."atr_14" IS 'average true range, 14 days';

COMMENT ON COLUMN "technical_features"."obv" IS 'on-balance volume';

COMMENT ON COLUMN "technical_features"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "technical_features"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "technical_features"."source" IS 'who published the record';

COMMENT ON COLUMN "technical_features"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "technical_features"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "technical_features"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "technical_features"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "technical_features"."updated_at" IS 'when the row last changed';

CREATE TABLE IF NOT EXISTS "technical_features_revisions" (
  "ticker" text COLLATE "C" NOT NULL,
  "date" date NOT NULL,
  "rsi_14" double precision,
  "macd" double precision,
  "macd_signal" double precision,
  "bb_upper" double precision,
  "bb_middle" double precision,
  "bb_lower" double precision,
  "sma_50" double precision,
  "sma_200" double precision,
  "ema_12" double precision,
  "ema_26" double precision,
  "atr_14" double precision,
  "obv" bigint,
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

COMMENT ON TABLE "technical_features_revisions" IS 'Earlier versions of technical_features, and later ones that were withdrawn.';

COMMENT ON COLUMN "technical_features_revisions"."ticker" IS 'Yahoo''s symbol, as in yfinance_ohlcv';

COMMENT ON COLUMN "technical_features_revisions"."date" IS 'trading day of the last bar that counts';

COMMENT ON COLUMN "technical_features_revisions"."rsi_14" IS 'relative strength, 14 days, 0 to 100';

COMMENT ON COLUMN "technical_features_revisions"."macd" IS 'ema_12 - ema_26';

COMMENT ON COLUMN "technical_features_revisions"."macd_signal" IS '9-day EMA of macd';

COMMENT ON COLUMN "technical_features_revisions"."bb_upper" IS 'Bollinger band, 20 days, 2 deviations up';

COMMENT ON COLUMN "technical_features_revisions"."bb_middle" IS 'middle of the bands: 20-day mean';

COMMENT ON COLUMN "technical_features_revisions"."bb_lower" IS '2 deviations below the mean';

COMMENT ON COLUMN "technical_features_revisions"."sma_50" IS 'mean of 50 days';

COMMENT ON COLUMN "technical_features_revisions"."sma_200" IS 'mean of 200 days';

COMMENT ON COLUMN "technical_features_revisions"."ema_12" IS 'exponential mean, 12 days';

COMMENT ON COLUMN "technical_features_revisions"."ema_26" IS 'exponential mean, 26 days';

COMMENT ON COLUMN "technical_features_revisions"."atr_14" IS 'average true range, 14 days';

COMMENT ON COLUMN "technical_features_revisions"."obv" IS 'on-balance volume';

COMMENT ON COLUMN "technical_features_revisions"."as_of" IS 'when this value became known';

COMMENT ON COLUMN "technical_features_revisions"."confirmed_as_of" IS 'last time it was seen unchanged';

COMMENT ON COLUMN "technical_features_revisions"."source" IS 'who published the record';

COMMENT ON COLUMN "technical_features_revisions"."kafka_epoch" IS 'which uninterrupted reading of the topic made the row';

COMMENT ON COLUMN "technical_features_revisions"."kafka_partition" IS 'partition of the message that made the row';

COMMENT ON COLUMN "technical_features_revisions"."kafka_offset" IS 'offset of the message that made the row';

COMMENT ON COLUMN "technical_features_revisions"."created_at" IS 'when the row was first stored';

COMMENT ON COLUMN "technical_features_revisions"."updated_at" IS 'when the row last changed';

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

COMMENT ON COLUMN "dead_letters"."cluster_id" IS 'cluster of the topic; with ~ and id where that was made anew since';

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
  "first_offset" bigint,
  "last_offset" bigint,
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

COMMENT ON COLUMN "consumer_offsets"."first_offset" IS 'offset that the epoch began to read at';

COMMENT ON COLUMN "consumer_offsets"."last_offset" IS 'offset of the last record that was stored';

COMMENT ON COLUMN "consumer_offsets"."last_timestamp" IS 'timestamp of that record, ms';

COMMENT ON COLUMN "consumer_offsets"."last_crc32" IS 'CRC-32 of the value of that record';

COMMENT ON COLUMN "consumer_offsets"."updated_at" IS 'when it last moved';

CREATE TABLE IF NOT EXISTS "api_keys" (
  "id" text COLLATE "C" NOT NULL,
  "name" text COLLATE "C",
  "digest" bytea NOT NULL,
  "pepper" text COLLATE "C" NOT NULL,
  "scopes" text[] NOT NULL,
  "datasets" text[],
  "created_at" timestamptz DEFAULT now() NOT NULL,
  "expires_at" timestamptz,
  "revoked_at" timestamptz,
  "last_used_at" timestamptz,
  PRIMARY KEY ("id")
);

COMMENT ON TABLE "api_keys" IS 'Keys of the API; their text is stored nowhere.';

COMMENT ON COLUMN "api_keys"."id" IS 'the visible beginning of the key';

COMMENT ON COLUMN "api_keys"."name" IS 'what its owner calls it';

COMMENT ON COLUMN "api_keys"."digest" IS 'HMAC-SHA256 of the whole key';

COMMENT ON COLUMN "api_keys"."pepper" IS 'which API_KEY_PEPPER that was made with';

COMMENT ON COLUMN "api_keys"."scopes" IS 'what it may do: read, ingest, admin';

COMMENT ON COLUMN "api_keys"."datasets" IS 'the only datasets it is good for; null for all';

COMMENT ON COLUMN "api_keys"."created_at" IS 'when it was made';

COMMENT ON COLUMN "api_keys"."expires_at" IS 'when it ends by itself; null for never';

COMMENT ON COLUMN "api_keys"."revoked_at" IS 'when it was revoked';

COMMENT ON COLUMN "api_keys"."last_used_at" IS 'when it was last used, to the minute or so';

CREATE OR REPLACE VIEW "cboe_vix_history_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "symbol", "date" ORDER BY as_of) AS known_until FROM (SELECT "symbol", "date", "open", "high", "low", "close", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "cboe_vix_history" UNION ALL SELECT "symbol", "date", "open", "high", "low", "close", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "cboe_vix_history_revisions") AS v;

DROP FUNCTION IF EXISTS "cboe_vix_history_as_of"(timestamptz);

DROP TYPE IF EXISTS "cboe_vix_history_row";

CREATE TYPE "cboe_vix_history_row" AS ("symbol" text COLLATE "C", "date" date, "open" double precision, "high" double precision, "low" double precision, "close" double precision, "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text COLLATE "C", "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz);

CREATE FUNCTION "cboe_vix_history_as_of"(ts timestamptz) RETURNS SETOF "cboe_vix_history_row" LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("symbol", "date") "symbol", "date", "open", "high", "low", "close", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "symbol", "date", "open", "high", "low", "close", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "cboe_vix_history" UNION ALL SELECT "symbol", "date", "open", "high", "low", "close", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "cboe_vix_history_revisions") AS v WHERE v.as_of <= ts ORDER BY "symbol", "date", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "cboe_vix_history" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."symbol", OLD."date", OLD."open", OLD."high", OLD."low", OLD."close", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."symbol", NEW."date", NEW."open", NEW."high", NEW."low", NEW."close", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "cboe_vix_history_versions" IS 'Every version of cboe_vix_history and when it was current (definition 6c3a50f0).';

CREATE OR REPLACE VIEW "corporate_actions_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "ticker", "ex_date", "kind" ORDER BY as_of) AS known_until FROM (SELECT "ticker", "ex_date", "kind", "amount", "ratio", "currency", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "corporate_actions" UNION ALL SELECT "ticker", "ex_date", "kind", "amount", "ratio", "currency", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "corporate_actions_revisions") AS v;

DROP FUNCTION IF EXISTS "corporate_actions_as_of"(timestamptz);

DROP TYPE IF EXISTS "corporate_actions_row";

CREATE TYPE "corporate_actions_row" AS ("ticker" text COLLATE "C", "ex_date" date, "kind" text COLLATE "C", "amount" double precision, "ratio" double precision, "currency" text COLLATE "C", "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text COLLATE "C", "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz);

CREATE FUNCTION "corporate_actions_as_of"(ts timestamptz) RETURNS SETOF "corporate_actions_row" LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("ticker", "ex_date", "kind") "ticker", "ex_date", "kind", "amount", "ratio", "currency", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "ticker", "ex_date", "kind", "amount", "ratio", "currency", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "corporate_actions" UNION ALL SELECT "ticker", "ex_date", "kind", "amount", "ratio", "currency", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "corporate_actions_revisions") AS v WHERE v.as_of <= ts ORDER BY "ticker", "ex_date", "kind", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "corporate_actions" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."ticker", OLD."ex_date", OLD."kind", OLD."amount", OLD."ratio", OLD."currency", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."ticker", NEW."ex_date", NEW."kind", NEW."amount", NEW."ratio", NEW."currency", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "corporate_actions_versions" IS 'Every version of corporate_actions and when it was current (definition 69e3e590).';

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "data_refresh_log" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."run_id", OLD."data_type", OLD."refresh_time", OLD."status", OLD."records_updated", OLD."error_message", OLD."duration_seconds", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."run_id", NEW."data_type", NEW."refresh_time", NEW."status", NEW."records_updated", NEW."error_message", NEW."duration_seconds", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

CREATE OR REPLACE VIEW "fred_data_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "series_id", "date" ORDER BY as_of) AS known_until FROM (SELECT "series_id", "date", "value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_data" UNION ALL SELECT "series_id", "date", "value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_data_revisions") AS v;

DROP FUNCTION IF EXISTS "fred_data_as_of"(timestamptz);

DROP TYPE IF EXISTS "fred_data_row";

CREATE TYPE "fred_data_row" AS ("series_id" text COLLATE "C", "date" date, "value" double precision, "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text COLLATE "C", "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz);

CREATE FUNCTION "fred_data_as_of"(ts timestamptz) RETURNS SETOF "fred_data_row" LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("series_id", "date") "series_id", "date", "value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "series_id", "date", "value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_data" UNION ALL SELECT "series_id", "date", "value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_data_revisions") AS v WHERE v.as_of <= ts ORDER BY "series_id", "date", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "fred_data" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."series_id", OLD."date", OLD."value", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."series_id", NEW."date", NEW."value", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "fred_data_versions" IS 'Every version of fred_data and when it was current (definition 493e3520).';

CREATE OR REPLACE VIEW "fred_series_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "series_id" ORDER BY as_of) AS known_until FROM (SELECT "series_id", "title", "units", "units_short", "frequency", "seasonal_adjustment", "release", "last_updated", "notes", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_series" UNION ALL SELECT "series_id", "title", "units", "units_short", "frequency", "seasonal_adjustment", "release", "last_updated", "notes", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_series_revisions") AS v;

DROP FUNCTION IF EXISTS "fred_series_as_of"(timestamptz);

DROP TYPE IF EXISTS "fred_series_row";

CREATE TYPE "fred_series_row" AS ("series_id" text COLLATE "C", "title" text COLLATE "C", "units" text COLLATE "C", "units_short" text COLLATE "C", "frequency" text COLLATE "C", "seasonal_adjustment" text COLLATE "C", "release" text COLLATE "C", "last_updated" timestamptz, "notes" text COLLATE "C", "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text COLLATE "C", "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz);

CREATE FUNCTION "fred_series_as_of"(ts timestamptz) RETURNS SETOF "fred_series_row" LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("series_id") "series_id", "title", "units", "units_short", "frequency", "seasonal_adjustment", "release", "last_updated", "notes", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "series_id", "title", "units", "units_short", "frequency", "seasonal_adjustment", "release", "last_updated", "notes", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_series" UNION ALL SELECT "series_id", "title", "units", "units_short", "frequency", "seasonal_adjustment", "release", "last_updated", "notes", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "fred_series_revisions") AS v WHERE v.as_of <= ts ORDER BY "series_id", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "fred_series" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."series_id", OLD."title", OLD."units", OLD."units_short", OLD."frequency", OLD."seasonal_adjustment", OLD."release", OLD."last_updated", OLD."notes", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."series_id", NEW."title", NEW."units", NEW."units_short", NEW."frequency", NEW."seasonal_adjustment", NEW."release", NEW."last_updated", NEW."notes", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "fred_series_versions" IS 'Every version of fred_series and when it was current (definition 3adb5d73).';

CREATE OR REPLACE VIEW "ici_etf_monthly_flows_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "fund_type", "month_ending" ORDER BY as_of) AS known_until FROM (SELECT "fund_type", "month_ending", "total_net_flows", "equity_net_flows", "domestic_equity_net_flows", "world_equity_net_flows", "hybrid_net_flows", "bond_net_flows", "taxable_bond_net_flows", "municipal_bond_net_flows", "commodity_net_flows", "is_estimate", "period_days", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "ici_etf_monthly_flows" UNION ALL SELECT "fund_type", "month_ending", "total_net_flows", "equity_net_flows", "domestic_equity_net_flows", "world_equity_net_flows", "hybrid_net_flows", "bond_net_flows", "taxable_bond_net_flows", "municipal_bond_net_flows", "commodity_net_flows", "is_estimate", "period_days", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "ici_etf_monthly_flows_revisions") AS v;

DROP FUNCTION IF EXISTS "ici_etf_monthly_flows_as_of"(timestamptz);

DROP TYPE IF EXISTS "ici_etf_monthly_flows_row";

CREATE TYPE "ici_etf_monthly_flows_row" AS ("fund_type" text COLLATE "C", "month_ending" date, "total_net_flows" double precision, "equity_net_flows" double precision, "domestic_equity_net_flows" double precision, "world_equity_net_flows" double precision, "hybrid_net_flows" double precision, "bond_net_flows" double precision, "taxable_bond_net_flows" double precision, "municipal_bond_net_flows" double precision, "commodity_net_flows" double precision, "is_estimate" boolean, "period_days" bigint, "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text COLLATE "C", "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz);

CREATE FUNCTION "ici_etf_monthly_flows_as_of"(ts timestamptz) RETURNS SETOF "ici_etf_monthly_flows_row" LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("fund_type", "month_ending") "fund_type", "month_ending", "total_net_flows", "equity_net_flows", "domestic_equity_net_flows", "world_equity_net_flows", "hybrid_net_flows", "bond_net_flows", "taxable_bond_net_flows", "municipal_bond_net_flows", "commodity_net_flows", "is_estimate", "period_days", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "fund_type", "month_ending", "total_net_flows", "equity_net_flows", "domestic_equity_net_flows", "world_equity_net_flows", "hybrid_net_flows", "bond_net_flows", "taxable_bond_net_flows", "municipal_bond_net_flows", "commodity_net_flows", "is_estimate", "period_days", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "ici_etf_monthly_flows" UNION ALL SELECT "fund_type", "month_ending", "total_net_flows", "equity_net_flows", "domestic_equity_net_flows", "world_equity_net_flows", "hybrid_net_flows", "bond_net_flows", "taxable_bond_net_flows", "municipal_bond_net_flows", "commodity_net_flows", "is_estimate", "period_days", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "ici_etf_monthly_flows_revisions") AS v WHERE v.as_of <= ts ORDER BY "fund_type", "month_ending", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "ici_etf_monthly_flows" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."fund_type", OLD."month_ending", OLD."total_net_flows", OLD."equity_net_flows", OLD."domestic_equity_net_flows", OLD."world_equity_net_flows", OLD."hybrid_net_flows", OLD."bond_net_flows", OLD."taxable_bond_net_flows", OLD."municipal_bond_net_flows", OLD."commodity_net_flows", OLD."is_estimate", OLD."period_days", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."fund_type", NEW."month_ending", NEW."total_net_flows", NEW."equity_net_flows", NEW."domestic_equity_net_flows", NEW."world_equity_net_flows", NEW."hybrid_net_flows", NEW."bond_net_flows", NEW."taxable_bond_net_flows", NEW."municipal_bond_net_flows", NEW."commodity_net_flows", NEW."is_estimate", NEW."period_days", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "ici_etf_monthly_flows_versions" IS 'Every version of ici_etf_monthly_flows and when it was current (definition aea656c0).';

CREATE OR REPLACE VIEW "ici_etf_weekly_flows_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "fund_type", "week_ending" ORDER BY as_of) AS known_until FROM (SELECT "fund_type", "week_ending", "total_net_flows", "equity_net_flows", "domestic_equity_net_flows", "world_equity_net_flows", "hybrid_net_flows", "bond_net_flows", "taxable_bond_net_flows", "municipal_bond_net_flows", "commodity_net_flows", "is_estimate", "period_days", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "ici_etf_weekly_flows" UNION ALL SELECT "fund_type", "week_ending", "total_net_flows", "equity_net_flows", "domestic_equity_net_flows", "world_equity_net_flows", "hybrid_net_flows", "bond_net_flows", "taxable_bond_net_flows", "municipal_bond_net_flows", "commodity_net_flows", "is_estimate", "period_days", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "ici_etf_weekly_flows_revisions") AS v;

DROP FUNCTION IF EXISTS "ici_etf_weekly_flows_as_of"(timestamptz);

DROP TYPE IF EXISTS "ici_etf_weekly_flows_row";

CREATE TYPE "ici_etf_weekly_flows_row" AS ("fund_type" text COLLATE "C", "week_ending" date, "total_net_flows" double precision, "equity_net_flows" double precision, "domestic_equity_net_flows" double precision, "world_equity_net_flows" double precision, "hybrid_net_flows" double precision, "bond_net_flows" double precision, "taxable_bond_net_flows" double precision, "municipal_bond_net_flows" double precision, "commodity_net_flows" double precision, "is_estimate" boolean, "period_days" bigint, "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text COLLATE "C", "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz);

CREATE FUNCTION "ici_etf_weekly_flows_as_of"(ts timestamptz) RETURNS SETOF "ici_etf_weekly_flows_row" LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("fund_type", "week_ending") "fund_type", "week_ending", "total_net_flows", "equity_net_flows", "domestic_equity_net_flows", "world_equity_net_flows", "hybrid_net_flows", "bond_net_flows", "taxable_bond_net_flows", "municipal_bond_net_flows", "commodity_net_flows", "is_estimate", "period_days", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "fund_type", "week_ending", "total_net_flows", "equity_net_flows", "domestic_equity_net_flows", "world_equity_net_flows", "hybrid_net_flows", "bond_net_flows", "taxable_bond_net_flows", "municipal_bond_net_flows", "commodity_net_flows", "is_estimate", "period_days", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "ici_etf_weekly_flows" UNION ALL SELECT "fund_type", "week_ending", "total_net_flows", "equity_net_flows", "domestic_equity_net_flows", "world_equity_net_flows", "hybrid_net_flows", "bond_net_flows", "taxable_bond_net_flows", "municipal_bond_net_flows", "commodity_net_flows", "is_estimate", "period_days", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "ici_etf_weekly_flows_revisions") AS v WHERE v.as_of <= ts ORDER BY "fund_type", "week_ending", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "ici_etf_weekly_flows" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."fund_type", OLD."week_ending", OLD."total_net_flows", OLD."equity_net_flows", OLD."domestic_equity_net_flows", OLD."world_equity_net_flows", OLD."hybrid_net_flows", OLD."bond_net_flows", OLD."taxable_bond_net_flows", OLD."municipal_bond_net_flows", OLD."commodity_net_flows", OLD."is_estimate", OLD."period_days", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."fund_type", NEW."week_ending", NEW."total_net_flows", NEW."equity_net_flows", NEW."domestic_equity_net_flows", NEW."world_equity_net_flows", NEW."hybrid_net_flows", NEW."bond_net_flows", NEW."taxable_bond_net_flows", NEW."municipal_bond_net_flows", NEW."commodity_net_flows", NEW."is_estimate", NEW."period_days", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "ici_etf_weekly_flows_versions" IS 'Every version of ici_etf_weekly_flows and when it was current (definition 2ab36782).';

CREATE OR REPLACE VIEW "ml_predictions_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "ticker", "model_name", "model_version", "target", "prediction_date", "target_date" ORDER BY as_of) AS known_until FROM (SELECT "ticker", "model_name", "model_version", "target", "prediction_date", "target_date", "prediction_value", "lower", "upper", "interval_level", "confidence", "inputs_as_of", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "ml_predictions" UNION ALL SELECT "ticker", "model_name", "model_version", "target", "prediction_date", "target_date", "prediction_value", "lower", "upper", "interval_level", "confidence", "inputs_as_of", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "ml_predictions_revisions") AS v;

DROP FUNCTION IF EXISTS "ml_predictions_as_of"(timestamptz);

DROP TYPE IF EXISTS "ml_predictions_row";

CREATE TYPE "ml_predictions_row" AS ("ticker" text COLLATE "C", "model_name" text COLLATE "C", "model_version" text COLLATE "C", "target" text COLLATE "C", "prediction_date" date, "target_date" date, "prediction_value" double precision, "lower" double precision, "upper" double precision, "interval_level" double precision, "confidence" double precision, "inputs_as_of" timestamptz, "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text COLLATE "C", "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz);

CREATE FUNCTION "ml_predictions_as_of"(ts timestamptz) RETURNS SETOF "ml_predictions_row" LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("ticker", "model_name", "model_version", "target", "prediction_date", "target_date") "ticker", "model_name", "model_version", "target", "prediction_date", "target_date", "prediction_value", "lower", "upper", "interval_level", "confidence", "inputs_as_of", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "ticker", "model_name", "model_version", "target", "prediction_date", "target_date", "prediction_value", "lower", "upper", "interval_level", "confidence", "inputs_as_of", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "ml_predictions" UNION ALL SELECT "ticker", "model_name", "model_version", "target", "prediction_date", "target_date", "prediction_value", "lower", "upper", "interval_level", "confidence", "inputs_as_of", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "ml_predictions_revisions") AS v WHERE v.as_of <= ts ORDER BY "ticker", "model_name", "model_version", "target", "prediction_date", "target_date", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "ml_predictions" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."ticker", OLD."model_name", OLD."model_version", OLD."target", OLD."prediction_date", OLD."target_date", OLD."prediction_value", OLD."lower", OLD."upper", OLD."interval_level", OLD."confidence", OLD."inputs_as_of", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."ticker", NEW."model_name", NEW."model_version", NEW."target", NEW."prediction_date", NEW."target_date", NEW."prediction_value", NEW."lower", NEW."upper", NEW."interval_level", NEW."confidence", NEW."inputs_as_of", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "ml_predictions_versions" IS 'Every version of ml_predictions and when it was current (definition 439633f7).';

CREATE OR REPLACE VIEW "model_performance_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "model_name", "model_version", "target", "horizon", "universe", "evaluation_date", "metric_name", "dataset_type" ORDER BY as_of) AS known_until FROM (SELECT "model_name", "model_version", "target", "horizon", "universe", "evaluation_date", "metric_name", "dataset_type", "metric_value", "n", "baseline_value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "model_performance" UNION ALL SELECT "model_name", "model_version", "target", "horizon", "universe", "evaluation_date", "metric_name", "dataset_type", "metric_value", "n", "baseline_value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "model_performance_revisions") AS v;

DROP FUNCTION IF EXISTS "model_performance_as_of"(timestamptz);

DROP TYPE IF EXISTS "model_performance_row";

CREATE TYPE "model_performance_row" AS ("model_name" text COLLATE "C", "model_version" text COLLATE "C", "target" text COLLATE "C", "horizon" bigint, "universe" text COLLATE "C", "evaluation_date" date, "metric_name" text COLLATE "C", "dataset_type" text COLLATE "C", "metric_value" double precision, "n" bigint, "baseline_value" double precision, "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text COLLATE "C", "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz);

CREATE FUNCTION "model_performance_as_of"(ts timestamptz) RETURNS SETOF "model_performance_row" LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("model_name", "model_version", "target", "horizon", "universe", "evaluation_date", "metric_name", "dataset_type") "model_name", "model_version", "target", "horizon", "universe", "evaluation_date", "metric_name", "dataset_type", "metric_value", "n", "baseline_value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "model_name", "model_version", "target", "horizon", "universe", "evaluation_date", "metric_name", "dataset_type", "metric_value", "n", "baseline_value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "model_performance" UNION ALL SELECT "model_name", "model_version", "target", "horizon", "universe", "evaluation_date", "metric_name", "dataset_type", "metric_value", "n", "baseline_value", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "model_performance_revisions") AS v WHERE v.as_of <= ts ORDER BY "model_name", "model_version", "target", "horizon", "universe", "evaluation_date", "metric_name", "dataset_type", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "model_performance" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."model_name", OLD."model_version", OLD."target", OLD."horizon", OLD."universe", OLD."evaluation_date", OLD."metric_name", OLD."dataset_type", OLD."metric_value", OLD."n", OLD."baseline_value", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."model_name", NEW."model_version", NEW."target", NEW."horizon", NEW."universe", NEW."evaluation_date", NEW."metric_name", NEW."dataset_type", NEW."metric_value", NEW."n", NEW."baseline_value", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "model_performance_versions" IS 'Every version of model_performance and when it was current (definition 6bc56c8a).';

CREATE OR REPLACE VIEW "news_articles_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "article_id" ORDER BY as_of) AS known_until FROM (SELECT "article_id", "publisher", "title", "summary", "url", "published_at", "language", "tickers", "story_id", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "news_articles" UNION ALL SELECT "article_id", "publisher", "title", "summary", "url", "published_at", "language", "tickers", "story_id", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "news_articles_revisions") AS v;

DROP FUNCTION IF EXISTS "news_articles_as_of"(timestamptz);

DROP TYPE IF EXISTS "news_articles_row";

CREATE TYPE "news_articles_row" AS ("article_id" text COLLATE "C", "publisher" text COLLATE "C", "title" text COLLATE "C", "summary" text COLLATE "C", "url" text COLLATE "C", "published_at" timestamptz, "language" text COLLATE "C", "tickers" text[], "story_id" text COLLATE "C", "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text COLLATE "C", "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz);

CREATE FUNCTION "news_articles_as_of"(ts timestamptz) RETURNS SETOF "news_articles_row" LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("article_id") "article_id", "publisher", "title", "summary", "url", "published_at", "language", "tickers", "story_id", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "article_id", "publisher", "title", "summary", "url", "published_at", "language", "tickers", "story_id", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "news_articles" UNION ALL SELECT "article_id", "publisher", "title", "summary", "url", "published_at", "language", "tickers", "story_id", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "news_articles_revisions") AS v WHERE v.as_of <= ts ORDER BY "article_id", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "news_articles" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."article_id", OLD."publisher", OLD."title", OLD."summary", OLD."url", OLD."published_at", OLD."language", OLD."tickers", OLD."story_id", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."article_id", NEW."publisher", NEW."title", NEW."summary", NEW."url", NEW."published_at", NEW."language", NEW."tickers", NEW."story_id", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "news_articles_versions" IS 'Every version of news_articles and when it was current (definition ba74bc09).';

CREATE OR REPLACE VIEW "news_sentiment_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "article_id" ORDER BY as_of) AS known_until FROM (SELECT "article_id", "source_name", "title", "url", "published_at", "sentiment_score", "sentiment_label", "relevance_score", "entities", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "news_sentiment" UNION ALL SELECT "article_id", "source_name", "title", "url", "published_at", "sentiment_score", "sentiment_label", "relevance_score", "entities", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "news_sentiment_revisions") AS v;

DROP FUNCTION IF EXISTS "news_sentiment_as_of"(timestamptz);

DROP TYPE IF EXISTS "news_sentiment_row";

CREATE TYPE "news_sentiment_row" AS ("article_id" text COLLATE "C", "source_name" text COLLATE "C", "title" text COLLATE "C", "url" text COLLATE "C", "published_at" timestamptz, "sentiment_score" double precision, "sentiment_label" text COLLATE "C", "relevance_score" double precision, "entities" text[], "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text COLLATE "C", "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz);

CREATE FUNCTION "news_sentiment_as_of"(ts timestamptz) RETURNS SETOF "news_sentiment_row" LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("article_id") "article_id", "source_name", "title", "url", "published_at", "sentiment_score", "sentiment_label", "relevance_score", "entities", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "article_id", "source_name", "title", "url", "published_at", "sentiment_score", "sentiment_label", "relevance_score", "entities", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "news_sentiment" UNION ALL SELECT "article_id", "source_name", "title", "url", "published_at", "sentiment_score", "sentiment_label", "relevance_score", "entities", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "news_sentiment_revisions") AS v WHERE v.as_of <= ts ORDER BY "article_id", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "news_sentiment" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."article_id", OLD."source_name", OLD."title", OLD."url", OLD."published_at", OLD."sentiment_score", OLD."sentiment_label", OLD."relevance_score", OLD."entities", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."article_id", NEW."source_name", NEW."title", NEW."url", NEW."published_at", NEW."sentiment_score", NEW."sentiment_label", NEW."relevance_score", NEW."entities", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "news_sentiment_versions" IS 'Every version of news_sentiment and when it was current (definition 330a4c6c).';

CREATE OR REPLACE VIEW "options_chain_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "contract", "date" ORDER BY as_of) AS known_until FROM (SELECT "contract", "date", "underlying", "expiry", "strike", "right", "bid", "ask", "last", "iv", "delta", "volume", "open_interest", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "options_chain" UNION ALL SELECT "contract", "date", "underlying", "expiry", "strike", "right", "bid", "ask", "last", "iv", "delta", "volume", "open_interest", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "options_chain_revisions") AS v;

DROP FUNCTION IF EXISTS "options_chain_as_of"(timestamptz);

DROP TYPE IF EXISTS "options_chain_row";

CREATE TYPE "options_chain_row" AS ("contract" text COLLATE "C", "date" date, "underlying" text COLLATE "C", "expiry" date, "strike" double precision, "right" text COLLATE "C", "bid" double precision, "ask" double precision, "last" double precision, "iv" double precision, "delta" double precision, "volume" bigint, "open_interest" bigint, "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text COLLATE "C", "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz);

CREATE FUNCTION "options_chain_as_of"(ts timestamptz) RETURNS SETOF "options_chain_row" LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("contract", "date") "contract", "date", "underlying", "expiry", "strike", "right", "bid", "ask", "last", "iv", "delta", "volume", "open_interest", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "contract", "date", "underlying", "expiry", "strike", "right", "bid", "ask", "last", "iv", "delta", "volume", "open_interest", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "options_chain" UNION ALL SELECT "contract", "date", "underlying", "expiry", "strike", "right", "bid", "ask", "last", "iv", "delta", "volume", "open_interest", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "options_chain_revisions") AS v WHERE v.as_of <= ts ORDER BY "contract", "date", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "options_chain" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."contract", OLD."date", OLD."underlying", OLD."expiry", OLD."strike", OLD."right", OLD."bid", OLD."ask", OLD."last", OLD."iv", OLD."delta", OLD."volume", OLD."open_interest", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."contract", NEW."date", NEW."underlying", NEW."expiry", NEW."strike", NEW."right", NEW."bid", NEW."ask", NEW."last", NEW."iv", NEW."delta", NEW."volume", NEW."open_interest", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "options_chain_versions" IS 'Every version of options_chain and when it was current (definition a46465e5).';

CREATE OR REPLACE VIEW "options_data_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "ticker", "date" ORDER BY as_of) AS known_until FROM (SELECT "ticker", "date", "put_volume", "call_volume", "put_call_ratio", "implied_volatility", "open_interest", "put_open_interest", "call_open_interest", "contracts_used", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "options_data" UNION ALL SELECT "ticker", "date", "put_volume", "call_volume", "put_call_ratio", "implied_volatility", "open_interest", "put_open_interest", "call_open_interest", "contracts_used", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "options_data_revisions") AS v;

DROP FUNCTION IF EXISTS "options_data_as_of"(timestamptz);

DROP TYPE IF EXISTS "options_data_row";

CREATE TYPE "options_data_row" AS ("ticker" text COLLATE "C", "date" date, "put_volume" bigint, "call_volume" bigint, "put_call_ratio" double precision, "implied_volatility" double precision, "open_interest" bigint, "put_open_interest" bigint, "call_open_interest" bigint, "contracts_used" bigint, "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text COLLATE "C", "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz);

CREATE FUNCTION "options_data_as_of"(ts timestamptz) RETURNS SETOF "options_data_row" LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("ticker", "date") "ticker", "date", "put_volume", "call_volume", "put_call_ratio", "implied_volatility", "open_interest", "put_open_interest", "call_open_interest", "contracts_used", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "ticker", "date", "put_volume", "call_volume", "put_call_ratio", "implied_volatility", "open_interest", "put_open_interest", "call_open_interest", "contracts_used", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "options_data" UNION ALL SELECT "ticker", "date", "put_volume", "call_volume", "put_call_ratio", "implied_volatility", "open_interest", "put_open_interest", "call_open_interest", "contracts_used", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "options_data_revisions") AS v WHERE v.as_of <= ts ORDER BY "ticker", "date", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "options_data" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."ticker", OLD."date", OLD."put_volume", OLD."call_volume", OLD."put_call_ratio", OLD."implied_volatility", OLD."open_interest", OLD."put_open_interest", OLD."call_open_interest", OLD."contracts_used", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."ticker", NEW."date", NEW."put_volume", NEW."call_volume", NEW."put_call_ratio", NEW."implied_volatility", NEW."open_interest", NEW."put_open_interest", NEW."call_open_interest", NEW."contracts_used", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "options_data_versions" IS 'Every version of options_data and when it was current (definition ac4f2439).';

CREATE OR REPLACE VIEW "technical_features_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "ticker", "date" ORDER BY as_of) AS known_until FROM (SELECT "ticker", "date", "rsi_14", "macd", "macd_signal", "bb_upper", "bb_middle", "bb_lower", "sma_50", "sma_200", "ema_12", "ema_26", "atr_14", "obv", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "technical_features" UNION ALL SELECT "ticker", "date", "rsi_14", "macd", "macd_signal", "bb_upper", "bb_middle", "bb_lower", "sma_50", "sma_200", "ema_12", "ema_26", "atr_14", "obv", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "technical_features_revisions") AS v;

DROP FUNCTION IF EXISTS "technical_features_as_of"(timestamptz);

DROP TYPE IF EXISTS "technical_features_row";

CREATE TYPE "technical_features_row" AS ("ticker" text COLLATE "C", "date" date, "rsi_14" double precision, "macd" double precision, "macd_signal" double precision, "bb_upper" double precision, "bb_middle" double precision, "bb_lower" double precision, "sma_50" double precision, "sma_200" double precision, "ema_12" double precision, "ema_26" double precision, "atr_14" double precision, "obv" bigint, "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text COLLATE "C", "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz);

CREATE FUNCTION "technical_features_as_of"(ts timestamptz) RETURNS SETOF "technical_features_row" LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("ticker", "date") "ticker", "date", "rsi_14", "macd", "macd_signal", "bb_upper", "bb_middle", "bb_lower", "sma_50", "sma_200", "ema_12", "ema_26", "atr_14", "obv", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "ticker", "date", "rsi_14", "macd", "macd_signal", "bb_upper", "bb_middle", "bb_lower", "sma_50", "sma_200", "ema_12", "ema_26", "atr_14", "obv", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "technical_features" UNION ALL SELECT "ticker", "date", "rsi_14", "macd", "macd_signal", "bb_upper", "bb_middle", "bb_lower", "sma_50", "sma_200", "ema_12", "ema_26", "atr_14", "obv", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "technical_features_revisions") AS v WHERE v.as_of <= ts ORDER BY "ticker", "date", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "technical_features" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."ticker", OLD."date", OLD."rsi_14", OLD."macd", OLD."macd_signal", OLD."bb_upper", OLD."bb_middle", OLD."bb_lower", OLD."sma_50", OLD."sma_200", OLD."ema_12", OLD."ema_26", OLD."atr_14", OLD."obv", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."ticker", NEW."date", NEW."rsi_14", NEW."macd", NEW."macd_signal", NEW."bb_upper", NEW."bb_middle", NEW."bb_lower", NEW."sma_50", NEW."sma_200", NEW."ema_12", NEW."ema_26", NEW."atr_14", NEW."obv", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "technical_features_versions" IS 'Every version of technical_features and when it was current (definition 2fcd6f87).';

CREATE OR REPLACE VIEW "yfinance_ohlcv_versions" AS SELECT v.*, as_of AS known_from, lead(as_of) OVER (PARTITION BY "ticker", "date" ORDER BY as_of) AS known_until FROM (SELECT "ticker", "date", "open", "high", "low", "close", "adj_close", "volume", "currency", "is_final", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "yfinance_ohlcv" UNION ALL SELECT "ticker", "date", "open", "high", "low", "close", "adj_close", "volume", "currency", "is_final", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "yfinance_ohlcv_revisions") AS v;

DROP FUNCTION IF EXISTS "yfinance_ohlcv_as_of"(timestamptz);

DROP TYPE IF EXISTS "yfinance_ohlcv_row";

CREATE TYPE "yfinance_ohlcv_row" AS ("ticker" text COLLATE "C", "date" date, "open" double precision, "high" double precision, "low" double precision, "close" double precision, "adj_close" double precision, "volume" bigint, "currency" text COLLATE "C", "is_final" boolean, "as_of" timestamptz, "confirmed_as_of" timestamptz, "source" text COLLATE "C", "kafka_epoch" integer, "kafka_partition" integer, "kafka_offset" bigint, "created_at" timestamptz, "updated_at" timestamptz);

CREATE FUNCTION "yfinance_ohlcv_as_of"(ts timestamptz) RETURNS SETOF "yfinance_ohlcv_row" LANGUAGE sql STABLE AS $$ SELECT DISTINCT ON ("ticker", "date") "ticker", "date", "open", "high", "low", "close", "adj_close", "volume", "currency", "is_final", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM (SELECT "ticker", "date", "open", "high", "low", "close", "adj_close", "volume", "currency", "is_final", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "yfinance_ohlcv" UNION ALL SELECT "ticker", "date", "open", "high", "low", "close", "adj_close", "volume", "currency", "is_final", "as_of", "confirmed_as_of", "source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at", "updated_at" FROM "yfinance_ohlcv_revisions") AS v WHERE v.as_of <= ts ORDER BY "ticker", "date", v.as_of DESC $$;

CREATE OR REPLACE TRIGGER "touch_updated_at" BEFORE UPDATE ON "yfinance_ohlcv" FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at AND (OLD."ticker", OLD."date", OLD."open", OLD."high", OLD."low", OLD."close", OLD."adj_close", OLD."volume", OLD."currency", OLD."is_final", OLD."as_of", OLD."source", OLD."kafka_epoch", OLD."kafka_partition", OLD."kafka_offset", OLD."created_at") IS DISTINCT FROM (NEW."ticker", NEW."date", NEW."open", NEW."high", NEW."low", NEW."close", NEW."adj_close", NEW."volume", NEW."currency", NEW."is_final", NEW."as_of", NEW."source", NEW."kafka_epoch", NEW."kafka_partition", NEW."kafka_offset", NEW."created_at")) EXECUTE FUNCTION touch_updated_at();

COMMENT ON VIEW "yfinance_ohlcv_versions" IS 'Every version of yfinance_ohlcv and when it was current (definition 379d1a65).';

DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'econstream_loader') THEN
    CREATE ROLE econstream_loader NOLOGIN;
  END IF;
EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
END $$;

DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'econstream_processor') THEN
    CREATE ROLE econstream_processor NOLOGIN;
  END IF;
EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
END $$;

DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'econstream_api') THEN
    CREATE ROLE econstream_api NOLOGIN;
  END IF;
EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
END $$;

DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'econstream_loader') THEN
    GRANT SELECT, INSERT, UPDATE ON "cboe_vix_history", "corporate_actions", "data_refresh_log", "fred_data", "fred_series", "ici_etf_monthly_flows", "ici_etf_weekly_flows", "ml_predictions", "model_performance", "news_articles", "news_sentiment", "options_chain", "options_data", "technical_features", "yfinance_ohlcv", "cboe_vix_history_revisions", "corporate_actions_revisions", "fred_data_revisions", "fred_series_revisions", "ici_etf_monthly_flows_revisions", "ici_etf_weekly_flows_revisions", "ml_predictions_revisions", "model_performance_revisions", "news_articles_revisions", "news_sentiment_revisions", "options_chain_revisions", "options_data_revisions", "technical_features_revisions", "yfinance_ohlcv_revisions", "dead_letters", "consumer_offsets" TO econstream_loader;
  END IF;
END $$;

DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'econstream_loader') THEN
    GRANT DELETE ON "cboe_vix_history_revisions", "corporate_actions_revisions", "fred_data_revisions", "fred_series_revisions", "ici_etf_monthly_flows_revisions", "ici_etf_weekly_flows_revisions", "ml_predictions_revisions", "model_performance_revisions", "news_articles_revisions", "news_sentiment_revisions", "options_chain_revisions", "options_data_revisions", "technical_features_revisions", "yfinance_ohlcv_revisions" TO econstream_loader;
  END IF;
END $$;

DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'econstream_loader') THEN
    GRANT SELECT ON "cboe_vix_history_versions", "corporate_actions_versions", "fred_data_versions", "fred_series_versions", "ici_etf_monthly_flows_versions", "ici_etf_weekly_flows_versions", "ml_predictions_versions", "model_performance_versions", "news_articles_versions", "news_sentiment_versions", "options_chain_versions", "options_data_versions", "technical_features_versions", "yfinance_ohlcv_versions" TO econstream_loader;
  END IF;
END $$;

DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'econstream_processor') THEN
    GRANT SELECT ON "cboe_vix_history", "corporate_actions", "data_refresh_log", "fred_data", "fred_series", "ici_etf_monthly_flows", "ici_etf_weekly_flows", "ml_predictions", "model_performance", "news_articles", "news_sentiment", "options_chain", "options_data", "technical_features", "yfinance_ohlcv", "consumer_offsets" TO econstream_processor;
  END IF;
END $$;

DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'econstream_processor') THEN
    GRANT SELECT, INSERT ON "dead_letters" TO econstream_processor;
  END IF;
END $$;

DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'econstream_api') THEN
    GRANT SELECT ON "cboe_vix_history", "corporate_actions", "data_refresh_log", "fred_data", "fred_series", "ici_etf_monthly_flows", "ici_etf_weekly_flows", "ml_predictions", "model_performance", "news_articles", "news_sentiment", "options_chain", "options_data", "technical_features", "yfinance_ohlcv", "cboe_vix_history_revisions", "corporate_actions_revisions", "fred_data_revisions", "fred_series_revisions", "ici_etf_monthly_flows_revisions", "ici_etf_weekly_flows_revisions", "ml_predictions_revisions", "model_performance_revisions", "news_articles_revisions", "news_sentiment_revisions", "options_chain_revisions", "options_data_revisions", "technical_features_revisions", "yfinance_ohlcv_revisions", "cboe_vix_history_versions", "corporate_actions_versions", "fred_data_versions", "fred_series_versions", "ici_etf_monthly_flows_versions", "ici_etf_weekly_flows_versions", "ml_predictions_versions", "model_performance_versions", "news_articles_versions", "news_sentiment_versions", "options_chain_versions", "options_data_versions", "technical_features_versions", "yfinance_ohlcv_versions", "dead_letters", "consumer_offsets" TO econstream_api;
  END IF;
END $$;

DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'econstream_api') THEN
    GRANT SELECT, INSERT, UPDATE ON "api_keys" TO econstream_api;
  END IF;
END $$;

DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'econstream_api') THEN
    GRANT UPDATE ("resolved_at", "resolution") ON "dead_letters" TO econstream_api;
  END IF;
END $$;

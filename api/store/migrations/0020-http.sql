-- How much of its limit a client has used, by the generic cell rate algorithm: `tat` is the time (Unix milliseconds) at which it will have
-- all of it back. Losing it gives everybody a fresh minute, so it is worth no write-ahead log.
create unlogged table rate_limits (
  bucket text not null,
  subject text not null,
  tat double precision not null,
  -- What the last statement on this row gave.
  granted integer not null,
  primary key (bucket, subject)
);

-- Answers to requests with an Idempotency-Key. Without a status it is being done, or was when its process died.
create table idempotent_answers (
  subject text not null,
  key text not null,
  -- SHA-256 of method, path, query and body.
  request_hash text not null,
  -- Who is at work: a request's id. Another one may take it over after the lease.
  runner text not null,
  lease_until timestamptz not null,
  -- Transactions that the request has sent, in order.
  transactions text[] not null default '{}',
  status integer,
  content_type text,
  body text,
  expires_at timestamptz not null,
  primary key (subject, key)
);
create index idempotent_answers_expiry on idempotent_answers (expires_at);

-- Signed requests (X-Signature) that were taken: each once.
create table request_nonces (
  eoa text not null,
  nonce text not null,
  expires_at timestamptz not null,
  primary key (eoa, nonce)
);
create index request_nonces_expiry on request_nonces (expires_at);

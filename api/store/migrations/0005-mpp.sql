-- Challenges on Tempo that were given out: a transfer's memo names one of them.
create table tempo_challenges (
  challenge_id text primary key,
  quote_id text not null references quotes,
  -- The challenge's 7 bytes in a memo, 0x…
  memo_nonce text not null,
  -- Smallest units of Tempo's token.
  amount numeric(78, 0) not null,
  created_at timestamptz not null default now()
);
create index tempo_challenges_memo on tempo_challenges (memo_nonce);

-- Payments on Tempo.
create table tempo_payments (
  payment_id bigint primary key references payments,
  challenge_id text not null unique references tempo_challenges,
  -- Who gets the key, and our chain's head when it was taken on: its sale is in no older block.
  agent_id numeric(78, 0) not null,
  block_number bigint not null,
  -- What the payer signed for us to send, its hash, and the Unix second from which the chain takes it no more; null where the payer sent it.
  raw text,
  tx text,
  valid_before bigint,
  -- The latest Unix second at which a transaction that was signed for it can still issue a key; 0 while there is none.
  issue_deadline bigint not null default 0,
  -- Why there will be no key. Written before any money goes back, and no key is asked for afterwards.
  reason text
);

-- Transfers to the exchange on Tempo that name a challenge: one row per log, for one transaction may hold several.
create table tempo_transfers (
  chain_id bigint not null,
  tx text not null,
  -- Which of the transaction's logs.
  position integer not null,
  challenge_id text not null references tempo_challenges,
  payer text not null,
  amount numeric(78, 0) not null,
  block_number bigint not null,
  -- Unix seconds of that block.
  paid_at bigint not null,
  -- The payment that it is; null: none yet, or it goes back.
  payment_id bigint unique references payments,
  seen_at timestamptz not null default now(),
  primary key (chain_id, tx, position)
);

-- Money that goes back on Tempo. What is sent is stored first, so that a transfer is sent back once.
create table tempo_refunds (
  id bigint generated always as identity primary key,
  chain_id bigint not null,
  tx text not null,
  position integer not null,
  reason text not null,
  amount numeric(78, 0) not null check (amount > 0),
  -- The transaction that was signed for it.
  nonce bigint,
  raw text,
  refund_tx text,
  signed_at timestamptz,
  -- It was refused, and is not tried again before.
  retry_at timestamptz not null default now(),
  done_at timestamptz,
  unique (chain_id, tx, position, reason),
  foreign key (chain_id, tx, position) references tempo_transfers
);
create index tempo_refunds_open on tempo_refunds (id) where done_at is null;

-- Up to where Tempo's log was read.
create table tempo_feed (
  chain_id bigint not null,
  token text not null,
  recipient text not null,
  next_block bigint not null,
  primary key (chain_id, token, recipient)
);

-- Receipts of use, as gateways signed them. The event itself is in usage_events; here is what is proven with it.
create table receipts (
  event_id uuid primary key references usage_events,
  -- RFC 7638 thumbprint of the key that signed it.
  gateway_id text not null,
  -- What is numbered, and the number: from 1 without a gap. Not unique: a gateway that gives a number twice has proven its own fraud.
  chain text not null,
  number bigint not null,
  -- UTC day of the event, and keccak256 of its JWS: the leaf in that day's tree.
  day date not null,
  leaf text not null,
  request_hash text not null,
  response_hash text,
  watermark_id text,
  countersignature text
);
create index receipts_day on receipts (gateway_id, day);
create index receipts_chain on receipts (chain, number);
create index receipts_watermark on receipts (watermark_id) where watermark_id is not null;

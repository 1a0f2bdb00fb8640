-- What opens an agent's own stream where no header can be sent: once, and for as long as the session that asked for it holds.
create table stream_tickets (
  -- SHA-256 of the ticket, in hex.
  hash text primary key,
  eoa text not null,
  agent_id numeric(78, 0) not null,
  epoch int not null,
  -- The session's own key and end.
  kid text not null,
  session_ends timestamptz not null,
  expires_at timestamptz not null
);
create index stream_tickets_expires_at on stream_tickets (expires_at);

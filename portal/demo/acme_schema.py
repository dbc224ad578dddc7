"""Tables of the demo's compliance database, in SQLite's own conventions.

Instants are UTC text `YYYY-MM-DD HH:MM:SS`, dates `YYYY-MM-DD`, booleans 0 or 1, lists and custom fields
JSON. Amounts are text with two decimals: SQLite has no exact decimal type, and would store them as floats.
"""

TABLES = """
CREATE TABLE organizations (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  domain TEXT NOT NULL
);
CREATE TABLE business_units (
  id INTEGER PRIMARY KEY,
  organization_id INTEGER NOT NULL REFERENCES organizations (id),
  code TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL
);
CREATE TABLE locations (
  id INTEGER PRIMARY KEY,
  organization_id INTEGER NOT NULL REFERENCES organizations (id),
  code TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  country TEXT NOT NULL,
  region TEXT NOT NULL,
  currency TEXT NOT NULL
);
CREATE TABLE categories (
  id INTEGER PRIMARY KEY,
  organization_id INTEGER NOT NULL REFERENCES organizations (id),
  code TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  area TEXT NOT NULL
);
CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  organization_id INTEGER NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  email TEXT NOT NULL UNIQUE,
  department TEXT NOT NULL,
  business_unit_id INTEGER NOT NULL REFERENCES business_units (id),
  location_id INTEGER NOT NULL REFERENCES locations (id),
  active INTEGER NOT NULL CHECK (active IN (0, 1))
);
CREATE TABLE cases (
  id INTEGER PRIMARY KEY,
  organization_id INTEGER NOT NULL REFERENCES organizations (id),
  number TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('NEW', 'OPEN', 'CLOSED')),
  severity TEXT NOT NULL CHECK (severity IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  category_id INTEGER NOT NULL REFERENCES categories (id),
  business_unit_id INTEGER NOT NULL REFERENCES business_units (id),
  location_id INTEGER NOT NULL REFERENCES locations (id),
  creator_id INTEGER NOT NULL REFERENCES users (id),
  assignee_ids TEXT NOT NULL,
  channel TEXT NOT NULL,
  anonymous INTEGER NOT NULL CHECK (anonymous IN (0, 1)),
  incident_date TEXT NOT NULL,
  opened_at TEXT NOT NULL,
  due_at TEXT NOT NULL,
  closed_at TEXT,
  updated_at TEXT NOT NULL,
  outcome TEXT CHECK (outcome IN ('SUBSTANTIATED', 'UNSUBSTANTIATED', 'INCONCLUSIVE')),
  currency TEXT NOT NULL,
  estimated_loss TEXT,
  recovered TEXT,
  risk_score REAL NOT NULL,
  custom_fields TEXT NOT NULL,
  CHECK ((status = 'CLOSED') = (closed_at IS NOT NULL)),
  CHECK (outcome IS NULL OR status = 'CLOSED')
);
CREATE TABLE investigations (
  id INTEGER PRIMARY KEY,
  case_id INTEGER NOT NULL REFERENCES cases (id),
  number TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('OPEN', 'CLOSED')),
  investigator_id INTEGER NOT NULL REFERENCES users (id),
  opened_at TEXT NOT NULL,
  closed_at TEXT,
  conclusion TEXT,
  hours REAL NOT NULL,
  CHECK ((status = 'CLOSED') = (closed_at IS NOT NULL))
);
CREATE TABLE disclosures (
  id INTEGER PRIMARY KEY,
  organization_id INTEGER NOT NULL REFERENCES organizations (id),
  number TEXT NOT NULL UNIQUE,
  user_id INTEGER NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL,
  counterparty TEXT NOT NULL,
  description TEXT NOT NULL,
  amount TEXT,
  currency TEXT NOT NULL,
  public_official INTEGER NOT NULL CHECK (public_official IN (0, 1)),
  status TEXT NOT NULL CHECK (status IN ('SUBMITTED', 'APPROVED', 'REJECTED', 'WITHDRAWN')),
  event_date TEXT NOT NULL,
  submitted_at TEXT NOT NULL,
  decided_at TEXT,
  reviewer_id INTEGER REFERENCES users (id),
  CHECK ((decided_at IS NULL) = (status = 'SUBMITTED'))
);
"""

# Made after the rows: one sort an index instead of a search for every row.
INDEXES = """
CREATE INDEX ix_cases_opened_at ON cases (opened_at);
CREATE INDEX ix_cases_status_severity ON cases (status, severity);
CREATE INDEX ix_investigations_case_id ON investigations (case_id, opened_at);
CREATE INDEX ix_disclosures_submitted_at ON disclosures (submitted_at);
"""

-- The complaints system's own database, as its vendor made it. {serial} and {now} are what each kind of database says;
-- {unique} is empty where a reference may come twice, so that a double effect is seen.

-- What is done with a report depends on its place: the first pattern that fits a property or a postal code decides.
CREATE TABLE place (rank INTEGER NOT NULL, pattern VARCHAR(40) NOT NULL, code VARCHAR(40), life VARCHAR(20) NOT NULL);

CREATE TABLE report (report_no VARCHAR(30) PRIMARY KEY, is_closed INTEGER NOT NULL DEFAULT 0);

-- Everything that came, with its answer: only ever added to. The desk takes what it has not taken yet.
CREATE TABLE message (
    entry_no {serial}, reference VARCHAR(36) NOT NULL {unique}, operation VARCHAR(40) NOT NULL,
    tracking_code VARCHAR(20), subject VARCHAR(5), report_no VARCHAR(30), item_no VARCHAR(64), sha256 CHAR(64),
    score INTEGER, code VARCHAR(40) NOT NULL, status_code INTEGER, life VARCHAR(20),
    entered_at TIMESTAMP NOT NULL DEFAULT {now}, is_taken INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE report_in (
    serial {serial}, reference VARCHAR(36) NOT NULL, tracking_code VARCHAR(20) NOT NULL, subject VARCHAR(5) NOT NULL,
    description TEXT NOT NULL, attributes JSON, happened_at TIMESTAMP, national_id CHAR(10), legal_id CHAR(11),
    first_name TEXT, last_name TEXT, mobile VARCHAR(11), address TEXT, postal_code CHAR(10),
    renovation_code VARCHAR(41), utm_zone INTEGER, utm_x VARCHAR(10), utm_y VARCHAR(11), parent_report_no VARCHAR(30),
    channel VARCHAR(5) NOT NULL, office_code VARCHAR(20), operator_id VARCHAR(20)
);

CREATE TABLE note_in (
    serial {serial}, reference VARCHAR(36) NOT NULL, report_no VARCHAR(30) NOT NULL, note_no VARCHAR(64) NOT NULL,
    text TEXT NOT NULL
);

CREATE TABLE document_in (
    serial {serial}, reference VARCHAR(36) NOT NULL, report_no VARCHAR(30) NOT NULL, document_no VARCHAR(64) NOT NULL,
    kind VARCHAR(5) NOT NULL, title TEXT NOT NULL, media_type VARCHAR(40) NOT NULL, content TEXT NOT NULL,
    sha256 CHAR(64) NOT NULL
);

CREATE TABLE correction_in (
    serial {serial}, reference VARCHAR(36) NOT NULL, report_no VARCHAR(30) NOT NULL,
    correction_no VARCHAR(64) NOT NULL, subject VARCHAR(5), description TEXT, attributes JSON, happened_at TIMESTAMP,
    mobile VARCHAR(11), address TEXT, postal_code CHAR(10), renovation_code VARCHAR(41), utm_zone INTEGER,
    utm_x VARCHAR(10), utm_y VARCHAR(11), note TEXT
);

CREATE TABLE cancellation_in (
    serial {serial}, reference VARCHAR(36) NOT NULL, report_no VARCHAR(30) NOT NULL, reason TEXT NOT NULL
);

CREATE TABLE objection_in (
    serial {serial}, reference VARCHAR(36) NOT NULL, tracking_code VARCHAR(20) NOT NULL, report_no VARCHAR(30),
    objection_no VARCHAR(64) NOT NULL, reason_code VARCHAR(2) NOT NULL, text TEXT NOT NULL
);

CREATE TABLE survey_in (
    serial {serial}, reference VARCHAR(36) NOT NULL, tracking_code VARCHAR(20) NOT NULL, report_no VARCHAR(30),
    score INTEGER NOT NULL, text TEXT
);

-- What happened, in its order.
CREATE TABLE happening (
    change_no {serial}, event_id VARCHAR(100) NOT NULL UNIQUE, report_no VARCHAR(30) NOT NULL,
    kind VARCHAR(20) NOT NULL, sequence_no INTEGER NOT NULL, changed_at TIMESTAMP NOT NULL, status_code INTEGER,
    note TEXT, unit TEXT, visit_no VARCHAR(64), purpose TEXT, place TEXT, slots JSON, answer_until TIMESTAMP,
    document_no VARCHAR(64), document_kind VARCHAR(5), title TEXT, media_type VARCHAR(40), content TEXT,
    sha256 CHAR(64), issued_at TIMESTAMP
);

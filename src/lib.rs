//! crannog: SQL-defined anomaly detection for the lakehouse.

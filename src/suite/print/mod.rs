//! Suites to text.

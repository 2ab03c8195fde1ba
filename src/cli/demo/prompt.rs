//! Questions, for those who typed no arguments.

use super::{Choices, Warehouse, number_from_one};
use clap::ValueEnum;
use std::io::{self, BufRead, Write};

/// Asks for each choice. Enter, and the end of the input, are the default.
pub fn choices(input: &mut dyn BufRead, output: &mut dyn Write) -> io::Result<Choices> {
    let Choices { threads, warehouse, realtime } = Choices::default();
    let mut asked = Asked { input, output };
    Ok(Choices {
        threads: asked.ask("Threads [150]: ", threads, number_from_one)?,
        warehouse: asked.ask(
            "Warehouse, both, standard or interactive [both]: ",
            warehouse,
            |text| Warehouse::from_str(text, true).map_err(|_| "expected one of these".to_owned()),
        )?,
        realtime: asked.ask("Real-time pipeline, yes or no [no]: ", realtime, |text| match text
            .to_lowercase()
            .as_str()
        {
            "y" | "yes" => Ok(true),
            "n" | "no" => Ok(false),
            _ => Err("expected `yes` or `no`".to_owned()),
        })?,
    })
}

struct Asked<'a> {
    input: &'a mut dyn BufRead,
    output: &'a mut dyn Write,
}

impl Asked<'_> {
    /// Asks until the answer can be used.
    fn ask<T>(
        &mut self,
        question: &str,
        default: T,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> io::Result<T> {
        loop {
            write!(self.output, "{question}")?;
            self.output.flush()?;
            let mut line = String::new();
            self.input.read_line(&mut line)?;
            let answer = line.trim();
            if answer.is_empty() {
                return Ok(default);
            }
            match parse(answer) {
                Ok(it) => return Ok(it),
                Err(why) => writeln!(self.output, "`{answer}`: {why}")?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: (u32, Warehouse, bool), errors: &[&str]) {
        let mut output = Vec::new();
        let found = choices(&mut input.as_bytes(), &mut output).unwrap();
        assert_eq!((found.threads, found.warehouse, found.realtime), expected, "{input:?}");
        let output = String::from_utf8(output).unwrap();
        assert_eq!(output.matches("Threads [150]: ").count(), 1 + errors.len(), "{output}");
        for error in errors {
            assert!(output.contains(error), "{output}");
        }
    }

    #[test]
    fn enter_and_the_end_are_the_default() {
        check("\n\n\n", (150, Warehouse::Both, false), &[]);
        check("", (150, Warehouse::Both, false), &[]);
        check("20\n", (20, Warehouse::Both, false), &[]);
    }

    #[test]
    fn answers_are_taken_and_nonsense_is_asked_again() {
        check("7\nInteractive\nYES\n", (7, Warehouse::Interactive, true), &[]);
        check("\n standard \nn\n", (150, Warehouse::Standard, false), &[]);
        check(
            "many\n0\n7\nboth\ny\n",
            (7, Warehouse::Both, true),
            &["`many`: expected a number from 1\n", "`0`: expected a number from 1\n"],
        );
    }
}

//! Histograms as they are kept in text.

use super::Histo;
use base64::{Engine, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer, V2DeflateSerializer},
};

/// An hour, in microseconds: what does not fit is longer than any statement may take.
const LONGEST_US: u64 = 3_600_000_000;

impl Histo {
    /// An empty histogram of the kind that is kept: 1 µs to an hour, three significant digits.
    pub fn empty() -> Histogram<u64> {
        Histogram::new_with_bounds(1, LONGEST_US, 3).expect("bounds that a histogram may have")
    }

    /// As text.
    ///
    /// # Errors
    ///
    /// A histogram of bounds that the format has no room for.
    pub fn of(histogram: &Histogram<u64>) -> Result<Self, String> {
        if histogram.is_empty() {
            return Ok(Self::default());
        }
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(histogram, &mut bytes)
            .map_err(|err| format!("a histogram cannot be written: {err}"))?;
        Ok(Self(STANDARD.encode(bytes)))
    }

    /// # Errors
    ///
    /// Text that is no histogram: the journal or the fixture was damaged.
    pub fn histogram(&self) -> Result<Histogram<u64>, String> {
        if self.0.is_empty() {
            return Ok(Self::empty());
        }
        let bytes =
            STANDARD.decode(&self.0).map_err(|err| format!("a histogram is not base64: {err}"))?;
        Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|err| format!("a histogram cannot be read: {err}"))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_survives_being_text() {
        let mut histogram = Histo::empty();
        for value in [1, 900, 5_000_000, LONGEST_US] {
            histogram.record_n(value, 3).unwrap();
        }
        let text = Histo::of(&histogram).unwrap();
        assert_eq!(text.histogram().unwrap(), histogram);
        assert!(Histo::of(&Histo::empty()).unwrap().is_empty());
        assert!(Histo::default().histogram().unwrap().is_empty());
        assert!(Histo("???".to_owned()).histogram().unwrap_err().contains("base64"));
        assert!(Histo("AAAA".to_owned()).histogram().unwrap_err().contains("cannot be read"));
    }
}

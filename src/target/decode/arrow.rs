//! Cells of an Arrow stream.

use super::{Malformed, instant, json::name};
use crate::target::{Column, Type, Value};
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray, cast::AsArray, types::*};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_schema::DataType;

/// Schemas that are kept. A session executes a few statements over and over as a rule.
const KNOWN_MAX: usize = 4;

/// Reads Arrow IPC streams.
///
/// Snowflake describes each column of each reply in a dozen words, and reading those takes several
/// times as long as reading a row. So a schema that has just been read is known by its bytes.
#[derive(Debug, Default)]
pub struct Streams {
    /// The newest last.
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    /// The message with the schema, which a stream begins with.
    message: Vec<u8>,
    /// Has read it, and no stream's end. It may have dictionaries of other streams, which no layout of
    /// Snowflake's looks at.
    decoder: StreamDecoder,
}

impl Streams {
    /// Decodes one stream: the body of a chunk, or a reply's inline rows. `first_row` is the number
    /// of its first row in the result, from 0, for messages.
    pub fn rows(
        &mut self,
        columns: &[Column],
        stream: Vec<u8>,
        first_row: usize,
    ) -> Result<Vec<Vec<Value>>, Malformed> {
        let no_stream = |it| Malformed::shape(format!("no Arrow stream: {it}"));
        let Some(length) = first_message(&stream) else {
            return Err(Malformed::shape("no Arrow stream: it does not begin with a schema"));
        };
        let (message, _) = stream.split_at(length);
        let known = self.known.iter().position(|it| it.message == message);
        let Known { message, mut decoder } = match known {
            Some(at) => self.known.remove(at),
            None => {
                let mut decoder = StreamDecoder::new();
                decoder.decode(&mut Buffer::from(message)).map_err(no_stream)?;
                Known { message: message.to_owned(), decoder }
            }
        };
        let mut rows = Vec::new();
        let mut rest = Buffer::from_vec(stream);
        rest.advance(length);
        while !rest.is_empty() && !ENDS.iter().any(|it| rest.starts_with(it)) {
            if let Some(batch) = decoder.decode(&mut rest).map_err(no_stream)? {
                rows.extend(arrow_rows(columns, &batch, first_row + rows.len())?);
            }
        }
        decoder.finish().map_err(no_stream)?;

        if self.known.len() >= KNOWN_MAX {
            self.known.remove(0);
        }
        self.known.push(Known { message, decoder });
        Ok(rows)
    }
}

/// What a stream may end with; nothing does as well.
const ENDS: [&[u8]; 2] = [&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], &[0, 0, 0, 0]];

/// The length of a stream's first message, if that is one without a body, as schemas are. Before
/// version 0.15 of the format messages had no mark.
fn first_message(stream: &[u8]) -> Option<usize> {
    let word = |at: usize| {
        let bytes = stream.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let (mark, length) = match word(0)? {
        u32::MAX => (8, word(4)?),
        length => (4, length),
    };
    let end = mark + usize::try_from(length).ok()?;
    (length > 0 && end <= stream.len()).then_some(end)
}

/// Decodes one batch, in Snowflake's own encoding.
pub fn arrow_rows(
    columns: &[Column],
    batch: &RecordBatch,
    first_row: usize,
) -> Result<Vec<Vec<Value>>, Malformed> {
    if batch.num_columns() != columns.len() {
        let (found, expected) = (batch.num_columns(), columns.len());
        return Err(Malformed::shape(format!("{found} Arrow columns for {expected} columns")));
    }
    let mut rows: Vec<Vec<Value>> =
        (0..batch.num_rows()).map(|_| Vec::with_capacity(columns.len())).collect();
    for (column, array) in columns.iter().zip(batch.columns()) {
        let cells = Cells::new(&column.data_type, array).ok_or_else(|| Malformed::Column {
            column: column.name.clone(),
            what: format!("a {} cannot be in {}", name(&column.data_type), array.data_type()),
        })?;
        for (number, row) in rows.iter_mut().enumerate() {
            let value = match array.is_null(number) {
                true => Value::Null,
                false => cells.value(number).ok_or_else(|| {
                    let what = format!("out of range for {}", name(&column.data_type));
                    Malformed::cell(first_row + number, column, what)
                })?,
            };
            row.push(value);
        }
    }
    Ok(rows)
}

/// A column whose layout has been found to fit its type.
struct Cells<'a> {
    data_type: &'a Type,
    layout: Layout<'a>,
}

enum Layout<'a> {
    /// Integers of any width. Snowflake has no unsigned ones.
    Integers(Integers<'a>),
    Floats(&'a ArrayRef),
    Booleans(&'a ArrayRef),
    Text(&'a ArrayRef),
    Bytes(&'a ArrayRef),
    Instants(Instants<'a>),
    /// Whatever it is, as text.
    Any(&'a ArrayRef),
}

struct Integers<'a> {
    array: &'a ArrayRef,
    /// What the array says; integers leave it to the row type.
    scale: Option<u8>,
}

/// `{epoch}`, `{epoch, fraction}`, `{epoch, timezone}` or `{epoch, fraction, timezone}`.
struct Instants<'a> {
    epoch: Integers<'a>,
    fraction: Option<Integers<'a>>,
    zone: Option<Integers<'a>>,
    /// Of the epoch.
    scale: u8,
}

impl<'a> Cells<'a> {
    /// `None` if a column of this type is never laid out so.
    fn new(data_type: &'a Type, array: &'a ArrayRef) -> Option<Self> {
        let layout = match data_type {
            Type::Number { .. } | Type::Date | Type::Time { .. } => {
                Layout::Integers(Integers::new(array)?)
            }
            Type::Float => matches!(array.data_type(), DataType::Float64 | DataType::Float32)
                .then_some(Layout::Floats(array))?,
            Type::Boolean => {
                matches!(array.data_type(), DataType::Boolean).then_some(Layout::Booleans(array))?
            }
            Type::Text => is_text(array).then_some(Layout::Text(array))?,
            Type::Binary => matches!(
                array.data_type(),
                DataType::Binary | DataType::LargeBinary | DataType::BinaryView
            )
            .then_some(Layout::Bytes(array))?,
            Type::TimestampNtz { scale } | Type::TimestampLtz { scale } => {
                Layout::Instants(Instants::new(array, *scale)?)
            }
            Type::TimestampTz { scale } => {
                let instants = Instants::new(array, *scale)?;
                instants.zone.is_some().then_some(Layout::Instants(instants))?
            }
            // Structured types travel as lists and structs where the client is known to read them.
            Type::Variant | Type::Object | Type::Array | Type::Other(_) => match is_text(array) {
                true => Layout::Text(array),
                false => Layout::Any(array),
            },
        };
        Some(Self { data_type, layout })
    }

    /// The cell of a row that is not null. `None` if it is outside its type's range.
    fn value(&self, row: usize) -> Option<Value> {
        Some(match &self.layout {
            Layout::Integers(cells) => {
                let digits = cells.value(row)?;
                match self.data_type {
                    Type::Date => Value::Date(instant::date(digits)?),
                    Type::Time { scale } => {
                        Value::Time(instant::time_of_day(instant::nanos(digits, *scale)?)?)
                    }
                    Type::Number { scale, .. } => {
                        Value::Number { digits, scale: cells.scale.unwrap_or(*scale) }
                    }
                    _ => return None,
                }
            }
            Layout::Floats(array) => Value::Float(match array.as_primitive_opt::<Float64Type>() {
                Some(array) => array.value(row),
                None => f64::from(array.as_primitive_opt::<Float32Type>()?.value(row)),
            }),
            Layout::Booleans(array) => Value::Boolean(array.as_boolean_opt()?.value(row)),
            Layout::Bytes(array) => Value::Binary(bytes(array, row)?.to_vec()),
            Layout::Text(array) => self.worded(text(array, row)?.to_owned()),
            Layout::Any(array) => self.worded(any(array, row)),
            Layout::Instants(cells) => {
                // The struct's own null bit is not always set with its children's.
                let Some(nanos) = cells.nanos(row)? else { return Some(Value::Null) };
                match self.data_type {
                    Type::TimestampNtz { .. } => {
                        Value::TimestampNtz(instant::instant(nanos)?.naive_utc())
                    }
                    Type::TimestampLtz { .. } => Value::TimestampLtz(instant::instant(nanos)?),
                    _ => {
                        let zone = cells.zone.as_ref()?.value(row)?;
                        Value::TimestampTz(instant::zoned(nanos, zone)?)
                    }
                }
            }
        })
    }

    fn worded(&self, text: String) -> Value {
        match self.data_type {
            Type::Variant | Type::Object | Type::Array => Value::Json(text),
            _ => Value::Text(text),
        }
    }
}

impl<'a> Integers<'a> {
    fn new(array: &'a ArrayRef) -> Option<Self> {
        let scale = match array.data_type() {
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => None,
            DataType::Date32 => None,
            DataType::Decimal128(_, scale) => Some(u8::try_from(*scale).ok()?),
            _ => return None,
        };
        Some(Self { array, scale })
    }

    fn value(&self, row: usize) -> Option<i128> {
        let array = self.array;
        Some(match array.data_type() {
            DataType::Int8 => array.as_primitive_opt::<Int8Type>()?.value(row).into(),
            DataType::Int16 => array.as_primitive_opt::<Int16Type>()?.value(row).into(),
            DataType::Int32 => array.as_primitive_opt::<Int32Type>()?.value(row).into(),
            DataType::Int64 => array.as_primitive_opt::<Int64Type>()?.value(row).into(),
            DataType::Date32 => array.as_primitive_opt::<Date32Type>()?.value(row).into(),
            DataType::Decimal128(..) => array.as_primitive_opt::<Decimal128Type>()?.value(row),
            _ => return None,
        })
    }
}

impl<'a> Instants<'a> {
    fn new(array: &'a ArrayRef, scale: u8) -> Option<Self> {
        let Some(parts) = array.as_any().downcast_ref::<StructArray>() else {
            let epoch = Integers::new(array)?;
            return Some(Self { epoch, fraction: None, zone: None, scale });
        };
        let part = |name: &str| parts.column_by_name(name).and_then(Integers::new);
        let (epoch, fraction, zone) = (part("epoch")?, part("fraction"), part("timezone"));
        // With a fraction the epoch counts seconds; without one it has the column's scale.
        let scale = if fraction.is_some() { 0 } else { scale };
        Some(Self { epoch, fraction, zone, scale })
    }

    /// Nanoseconds since 1970: `Some(None)` for NULL, `None` when out of range.
    fn nanos(&self, row: usize) -> Option<Option<i128>> {
        if self.epoch.array.is_null(row) {
            return Some(None);
        }
        let whole = instant::nanos(self.epoch.value(row)?, self.scale)?;
        let fraction = match &self.fraction {
            Some(fraction) => fraction.value(row)?,
            None => 0,
        };
        whole.checked_add(fraction).map(Some)
    }
}

fn is_text(array: &ArrayRef) -> bool {
    matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn text(array: &ArrayRef, row: usize) -> Option<&str> {
    Some(match array.data_type() {
        DataType::Utf8 => array.as_string_opt::<i32>()?.value(row),
        DataType::LargeUtf8 => array.as_string_opt::<i64>()?.value(row),
        DataType::Utf8View => array.as_string_view_opt()?.value(row),
        _ => return None,
    })
}

fn bytes(array: &ArrayRef, row: usize) -> Option<&[u8]> {
    Some(match array.data_type() {
        DataType::Binary => array.as_binary_opt::<i32>()?.value(row),
        DataType::LargeBinary => array.as_binary_opt::<i64>()?.value(row),
        DataType::BinaryView => array.as_binary_view_opt()?.value(row),
        _ => return None,
    })
}

/// A cell of any layout as text in the manner of JSON. What has no such form is named by its
/// Arrow type: an unknown type must not cost the result.
fn any(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return "null".to_owned();
    }
    let list = |items: ArrayRef| {
        let items: Vec<_> = (0..items.len()).map(|it| nested(&items, it)).collect();
        format!("[{}]", items.join(","))
    };
    let known = match array.data_type() {
        DataType::Boolean => array.as_boolean_opt().map(|it| it.value(row).to_string()),
        DataType::Float32 => {
            array.as_primitive_opt::<Float32Type>().map(|it| it.value(row).to_string())
        }
        DataType::Float64 => {
            array.as_primitive_opt::<Float64Type>().map(|it| it.value(row).to_string())
        }
        DataType::Decimal128(_, scale) => {
            let scale = u8::try_from(*scale).unwrap_or_default();
            Integers::new(array).and_then(|it| it.value(row)).map(|digits| {
                Value::Number { digits, scale }.text(&Type::Number { precision: 38, scale })
            })
        }
        DataType::List(_) => array.as_list_opt::<i32>().map(|it| list(it.value(row))),
        DataType::LargeList(_) => array.as_list_opt::<i64>().map(|it| list(it.value(row))),
        DataType::FixedSizeList(..) => array.as_fixed_size_list_opt().map(|it| list(it.value(row))),
        DataType::Map(..) => array.as_map_opt().map(|it| {
            let entries = it.value(row);
            let [keys, values] = entries.columns() else { return "{}".to_owned() };
            let entries: Vec<_> = (0..entries.len())
                .map(|it| format!("{}:{}", quoted(&any(keys, it)), nested(values, it)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }),
        DataType::Struct(fields) => array.as_struct_opt().map(|it| {
            let entries: Vec<_> = fields
                .iter()
                .zip(it.columns())
                .map(|(field, column)| format!("{}:{}", quoted(field.name()), nested(column, row)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }),
        _ if is_text(array) => text(array, row).map(str::to_owned),
        _ => match bytes(array, row) {
            Some(bytes) => Some(Value::Binary(bytes.to_vec()).text(&Type::Binary)),
            None => Integers::new(array).and_then(|it| it.value(row)).map(|it| it.to_string()),
        },
    };
    known.unwrap_or_else(|| format!("<{}>", array.data_type()))
}

/// Like [`any`], with text in quotes.
fn nested(array: &ArrayRef, row: usize) -> String {
    match is_text(array) && !array.is_null(row) {
        true => quoted(&any(array, row)),
        false => any(array, row),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

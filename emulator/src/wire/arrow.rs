//! Rows as Arrow IPC streams, in the shapes that drivers decode.
//!
//! A number column has the smallest width that holds its values, as on the service, so that a
//! data frame of small numbers is one of machine integers here too. The service chooses for each
//! chunk, here it is for the whole result: its chunks have one schema.

use super::{
    column::{Batch, Cells, Table},
    encode::Part,
    indent::indent,
    json::scale_of,
    rowtype::RowType,
};
use crate::{error::SqlError, types::DataType};
use ::arrow::{
    array::{
        Array, ArrayRef, Decimal128Array, Int8Array, Int16Array, Int32Array, Int64Array,
        RecordBatch, RecordBatchOptions, StringArray, StructArray, TimestampNanosecondArray,
    },
    buffer::NullBuffer,
    compute::{max, min},
    datatypes::{DataType as Arrow, Field, Fields, Schema, SchemaRef},
    error::ArrowError,
    ipc::writer::StreamWriter,
};
use std::{collections::HashMap, sync::Arc};

/// Offsets travel as minutes from UTC plus this, so that they are never negative.
pub const OFFSET_ORIGIN: i32 = 1440;

const NANOSECONDS: i64 = 1_000_000_000;

/// How a number column goes out. Ordered by size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    One,
    Two,
    Four,
    Eight,
    Sixteen,
}

/// Writes all rows, cut into streams of about `part_bytes` each. There is always a first part;
/// without rows it is empty, not a stream of nothing, as the service sends it.
pub fn encode(table: &Table, part_bytes: usize, json_indent: usize) -> Result<Vec<Part>, SqlError> {
    let rows_total = table.row_count();
    if rows_total == 0 {
        return Ok(vec![Part::default()]);
    }
    let batches = record_batches(table, json_indent).map_err(SqlError::internal)?;
    let bytes_total: usize = batches
        .iter()
        .flat_map(RecordBatch::columns)
        .map(|it| it.to_data().get_slice_memory_size().unwrap_or(0))
        .sum();
    let rows_per_part = match bytes_total.div_ceil(part_bytes.max(1)) {
        0 | 1 => rows_total,
        parts => rows_total.div_ceil(parts).max(1),
    };
    split(&batches, rows_per_part)
        .into_iter()
        .map(|slices| write_stream(&slices))
        .collect::<Result<_, _>>()
        .map_err(SqlError::internal)
}

/// Groups of slices with `rows` rows each, the last perhaps with fewer.
fn split(batches: &[RecordBatch], rows: usize) -> Vec<Vec<RecordBatch>> {
    let mut groups = Vec::new();
    let mut group = Vec::new();
    let mut room = rows;
    for batch in batches {
        let mut start = 0;
        while start < batch.num_rows() {
            let length = room.min(batch.num_rows() - start);
            group.push(batch.slice(start, length));
            start += length;
            room -= length;
            if room == 0 {
                groups.push(std::mem::take(&mut group));
                room = rows;
            }
        }
    }
    if !group.is_empty() {
        groups.push(group);
    }
    groups
}

fn write_stream(batches: &[RecordBatch]) -> Result<Part, ArrowError> {
    let Some(first) = batches.first() else { return Ok(Part::default()) };
    let mut writer = StreamWriter::try_new(Vec::new(), &first.schema())?;
    for batch in batches {
        writer.write(batch)?;
    }
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    Ok(Part { rows, bytes: writer.into_inner()? })
}

fn record_batches(table: &Table, json_indent: usize) -> Result<Vec<RecordBatch>, ArrowError> {
    let widths: Vec<Width> = (0..table.columns.len()).map(|it| Width::of(table, it)).collect();
    let mut schema: Option<SchemaRef> = None;
    table
        .batches
        .iter()
        .map(|batch| {
            let arrays = arrays(table, batch, &widths, json_indent)?;
            let schema = schema.get_or_insert_with(|| schema_of(table, &arrays)).clone();
            let options = RecordBatchOptions::new().with_row_count(Some(batch.rows));
            RecordBatch::try_new_with_options(schema, arrays, &options)
        })
        .collect()
}

impl Width {
    /// The smallest that holds column `index` in all batches: one result, one schema.
    fn of(table: &Table, index: usize) -> Self {
        let cells = table.batches.iter().filter_map(|batch| batch.cells.get(index));
        cells.map(Self::of_cells).max().unwrap_or(Self::One)
    }

    fn of_cells(cells: &Cells) -> Self {
        let range = match cells {
            Cells::Integer(it) => min(it).zip(max(it)).map(|(low, high)| (low.into(), high.into())),
            Cells::Decimal(it) => min(it).zip(max(it)),
            _ => None,
        };
        let (low, high) = range.unwrap_or((0, 0));
        let within = |bits: u32| -(1i128 << (bits - 1)) <= low && high < 1i128 << (bits - 1);
        match () {
            () if within(8) => Self::One,
            () if within(16) => Self::Two,
            () if within(32) => Self::Four,
            () if within(64) => Self::Eight,
            () => Self::Sixteen,
        }
    }

    /// Values that fit, at the scale of the column.
    fn array(
        self,
        length: usize,
        value: impl Fn(usize) -> Option<i128>,
        scale: i8,
    ) -> Result<ArrayRef, ArrowError> {
        let values = (0..length).map(value);
        Ok(match self {
            Self::One => Arc::new(values.map(|it| it.map(|it| it as i8)).collect::<Int8Array>()),
            Self::Two => Arc::new(values.map(|it| it.map(|it| it as i16)).collect::<Int16Array>()),
            Self::Four => Arc::new(values.map(|it| it.map(|it| it as i32)).collect::<Int32Array>()),
            Self::Eight => {
                Arc::new(values.map(|it| it.map(|it| it as i64)).collect::<Int64Array>())
            }
            Self::Sixteen => {
                let wide: Decimal128Array = values.collect();
                Arc::new(wide.with_precision_and_scale(38, scale)?)
            }
        })
    }
}

fn arrays(
    table: &Table,
    batch: &Batch,
    widths: &[Width],
    json_indent: usize,
) -> Result<Vec<ArrayRef>, ArrowError> {
    batch
        .cells
        .iter()
        .zip(table.columns)
        .zip(widths)
        .map(|((cells, column), width)| array(cells, &column.data_type, *width, json_indent))
        .collect()
}

fn array(
    cells: &Cells,
    data_type: &DataType,
    width: Width,
    json_indent: usize,
) -> Result<ArrayRef, ArrowError> {
    let scale = scale_of(data_type);
    Ok(match cells {
        Cells::Integer(it) => {
            let value = |row| it.is_valid(row).then(|| i128::from(it.value(row)));
            width.array(it.len(), value, 0)?
        }
        Cells::Decimal(it) => {
            let value = |row| it.is_valid(row).then(|| it.value(row));
            width.array(it.len(), value, it.scale().clamp(0, 37))?
        }
        Cells::Float(it) => Arc::new(it.clone()),
        Cells::Text(it) => Arc::new(it.clone()),
        Cells::Json(it) => Arc::new(
            it.iter()
                .map(|value| value.map(|text| indent(text, json_indent)))
                .collect::<StringArray>(),
        ),
        Cells::Boolean(it) => Arc::new(it.clone()),
        Cells::Date(it) => Arc::new(it.clone()),
        Cells::Time(it) => {
            let unit = unit(scale);
            if scale <= 4 {
                Arc::new(
                    it.iter()
                        .map(|value| value.map(|it| it.div_euclid(unit) as i32))
                        .collect::<Int32Array>(),
                )
            } else {
                Arc::new(
                    it.iter()
                        .map(|value| value.map(|it| it.div_euclid(unit)))
                        .collect::<Int64Array>(),
                )
            }
        }
        Cells::Timestamp(it) if scale <= 7 => {
            let unit = unit(scale);
            Arc::new(
                it.iter().map(|value| value.map(|it| it.div_euclid(unit))).collect::<Int64Array>(),
            )
        }
        Cells::Timestamp(it) => {
            let (epoch, fraction) = seconds_and_fraction(it, it.nulls(), scale);
            structure(
                [("epoch", Arc::new(epoch) as ArrayRef), ("fraction", Arc::new(fraction))],
                it.nulls().cloned(),
            )?
        }
        Cells::Zoned { instant, offset_minutes, nulls } => {
            let zone: Int32Array = masked(offset_minutes.len(), nulls.as_ref(), |row| {
                offset_minutes.value(row) + OFFSET_ORIGIN
            });
            if scale <= 3 {
                let unit = unit(scale);
                let epoch: Int64Array = masked(instant.len(), nulls.as_ref(), |row| {
                    instant.value(row).div_euclid(unit)
                });
                structure(
                    [("epoch", Arc::new(epoch) as ArrayRef), ("timezone", Arc::new(zone))],
                    nulls.clone(),
                )?
            } else {
                let (epoch, fraction) = seconds_and_fraction(instant, nulls.as_ref(), scale);
                structure(
                    [
                        ("epoch", Arc::new(epoch) as ArrayRef),
                        ("fraction", Arc::new(fraction)),
                        ("timezone", Arc::new(zone)),
                    ],
                    nulls.clone(),
                )?
            }
        }
        Cells::Binary(it) => Arc::new(it.clone()),
    })
}

/// Nanoseconds in 10^-`scale` seconds.
fn unit(scale: u8) -> i64 {
    10i64.pow(u32::from(9 - scale.min(9)))
}

/// An array of `length` values with NULLs where `nulls` has them.
fn masked<T, A: FromIterator<Option<T>>>(
    length: usize,
    nulls: Option<&NullBuffer>,
    value: impl Fn(usize) -> T,
) -> A {
    (0..length).map(|row| nulls.is_none_or(|it| it.is_valid(row)).then(|| value(row))).collect()
}

fn seconds_and_fraction(
    instants: &TimestampNanosecondArray,
    nulls: Option<&NullBuffer>,
    scale: u8,
) -> (Int64Array, Int32Array) {
    let unit = unit(scale);
    let cut = |row| instants.value(row).div_euclid(unit) * unit;
    (
        masked(instants.len(), nulls, |row| cut(row).div_euclid(NANOSECONDS)),
        masked(instants.len(), nulls, |row| cut(row).rem_euclid(NANOSECONDS) as i32),
    )
}

/// A struct whose NULLs are set in itself and in its children: JDBC looks at the children only.
fn structure<const N: usize>(
    parts: [(&str, ArrayRef); N],
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    let fields: Fields =
        parts.iter().map(|(name, it)| Field::new(*name, it.data_type().clone(), true)).collect();
    let arrays = parts.into_iter().map(|(_, it)| it).collect();
    Ok(Arc::new(StructArray::try_new(fields, arrays, nulls)?))
}

fn schema_of(table: &Table, arrays: &[ArrayRef]) -> SchemaRef {
    let fields: Vec<Field> = table
        .columns
        .iter()
        .zip(arrays)
        .enumerate()
        .map(|(index, (column, array))| {
            // A column that is called NOT NULL and holds one anyway must not cost the reply.
            let nullable = column.nullable
                || table.batches.iter().any(|batch| {
                    let cells = batch.cells.get(index);
                    cells.is_some_and(|it| (0..batch.rows).any(|row| it.is_null(row)))
                });
            Field::new(&column.name, array.data_type().clone(), nullable)
                .with_metadata(metadata(column, array.data_type()))
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// All values are strings; Python reads `precision` and `scale` of every column as numbers.
fn metadata(column: &crate::types::Column, arrow: &Arrow) -> HashMap<String, String> {
    let row_type = RowType::new(column);
    let physical = match arrow {
        Arrow::Int8 => "SB1",
        Arrow::Int16 => "SB2",
        Arrow::Int32 => "SB4",
        Arrow::Int64 => "SB8",
        Arrow::Decimal128(..) => "SB16",
        Arrow::Utf8 | Arrow::Binary => "LOB",
        Arrow::Boolean => "BIN",
        Arrow::Float64 => "DOUBLE",
        _ => "",
    };
    let byte_length = match (&column.data_type, arrow) {
        // Python tells the forms of TIMESTAMP_TZ apart by this.
        (DataType::TimestampTz { .. }, Arrow::Struct(fields)) if fields.len() == 2 => 8,
        (DataType::TimestampTz { .. }, _) => 16,
        _ => row_type.byte_length.unwrap_or(0),
    };
    let mut metadata = HashMap::from([
        ("logicalType".to_owned(), row_type.type_name.to_ascii_uppercase()),
        ("precision".to_owned(), row_type.precision.unwrap_or(38).to_string()),
        ("scale".to_owned(), row_type.scale.unwrap_or(0).to_string()),
        ("charLength".to_owned(), row_type.length.unwrap_or(0).to_string()),
        ("byteLength".to_owned(), byte_length.to_string()),
        ("finalType".to_owned(), "T".to_owned()),
    ]);
    if !physical.is_empty() {
        metadata.insert("physicalType".to_owned(), physical.to_owned());
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        types::{Column, ResultSet},
        wire::samples,
    };
    use ::arrow::{
        array::{AsArray, UInt64Array},
        datatypes::{Int16Type, Int32Type, Int64Type},
        ipc::reader::StreamReader,
    };

    fn decode(part: &Part) -> RecordBatch {
        let reader = StreamReader::try_new(part.bytes.as_slice(), None).expect("an IPC stream");
        let schema = reader.schema();
        let batches: Vec<_> = reader.collect::<Result<_, _>>().expect("batches");
        ::arrow::compute::concat_batches(&schema, &batches).expect("batches of one schema")
    }

    fn encode_one(result: &ResultSet) -> RecordBatch {
        let table = Table::new(result).expect("the result holds what its columns say");
        let parts = encode(&table, usize::MAX, 2).expect("an encodable result");
        assert_eq!(parts.len(), 1);
        decode(&parts[0])
    }

    #[test]
    fn every_type_has_the_arrow_type_that_drivers_expect() {
        let batch = encode_one(&samples::every_type());
        let seen: Vec<String> = batch
            .schema()
            .fields()
            .iter()
            .map(|it| format!("{} {}", it.metadata()["logicalType"], it.data_type()))
            .collect();
        let expected = [
            "FIXED Int8",
            "FIXED Int16",
            "FIXED Decimal128(38, 0)",
            "REAL Float64",
            "TEXT Utf8",
            "VARIANT Utf8",
            "BOOLEAN Boolean",
            "DATE Date32",
            "TIME Int64",
            "TIMESTAMP_NTZ Int64",
            r#"TIMESTAMP_LTZ Struct("epoch": Int64, "fraction": Int32)"#,
            r#"TIMESTAMP_TZ Struct("epoch": Int64, "timezone": Int32)"#,
            "BINARY Binary",
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn metadata_says_precision_and_scale_in_digits_of_every_column() {
        let batch = encode_one(&samples::every_type());
        for field in batch.schema().fields() {
            for key in ["precision", "scale", "charLength", "byteLength"] {
                assert!(field.metadata()[key].parse::<u32>().is_ok(), "{key} of {field:?}");
            }
        }
        assert_eq!(batch.schema().field(1).metadata()["scale"], "2");
        assert_eq!(batch.schema().field(11).metadata()["byteLength"], "8");
    }

    #[test]
    fn nulls_of_structs_are_set_in_the_struct_and_in_its_children() {
        let batch = encode_one(&samples::every_type());
        for index in [10, 11] {
            let column = batch.column(index).as_struct();
            assert!(column.is_valid(0) && column.is_null(1));
            assert!(column.columns().iter().all(|it| it.is_valid(0) && it.is_null(1)));
        }
    }

    #[test]
    fn instants_before_1970_have_a_fraction_that_is_not_negative() {
        let batch = encode_one(&samples::every_type());
        let column = batch.column(10).as_struct();
        assert_eq!(column.column(0).as_primitive::<Int64Type>().value(0), -1);
        assert_eq!(column.column(1).as_primitive::<Int32Type>().value(0), 500_000_000);
    }

    #[test]
    fn zones_travel_as_minutes_past_minus_a_day() {
        let batch = encode_one(&samples::every_type());
        let column = batch.column(11).as_struct();
        assert_eq!(column.column(0).as_primitive::<Int64Type>().value(0), 1_709_212_245_123);
        assert_eq!(column.column(1).as_primitive::<Int32Type>().value(0), 1770);
    }

    #[test]
    fn unsigned_integers_become_decimals() {
        let column = Column {
            name: "n".to_owned(),
            data_type: DataType::Number { precision: 38, scale: 0 },
            nullable: true,
        };
        let array: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
        let batch = RecordBatch::try_from_iter([("n", array)]).expect("one column");
        let batch = encode_one(&ResultSet { columns: vec![column], batches: vec![batch] });
        assert_eq!(batch.column(0).data_type(), &Arrow::Decimal128(38, 0));
    }

    #[test]
    fn numbers_have_the_smallest_width_that_holds_the_whole_result() {
        let cases = [
            (-128..128, Arrow::Int8),
            (-129..0, Arrow::Int16),
            (0..32_769, Arrow::Int32),
            (i64::from(i32::MAX)..i64::from(i32::MAX) + 2, Arrow::Int64),
        ];
        for (range, expected) in cases {
            let batch = encode_one(&samples::numbers(range.clone()));
            assert_eq!(batch.column(0).data_type(), &expected, "{range:?}");
        }
        let mut result = samples::numbers(0..10);
        result.batches.extend(samples::numbers(70_000..70_010).batches);
        let table = Table::new(&result).expect("numbers");
        let parts = encode(&table, 30, 2).expect("numbers");
        assert!(parts.len() > 1);
        for part in &parts {
            assert_eq!(decode(part).column(0).data_type(), &Arrow::Int32);
        }
    }

    #[test]
    fn parts_keep_the_order_of_rows_and_lose_none() {
        let mut result = samples::numbers(0..700);
        result.batches.extend(samples::numbers(700..1000).batches);
        let table = Table::new(&result).expect("numbers");
        let parts = encode(&table, 300, 2).expect("numbers");
        assert!(parts.len() > 5, "{} parts", parts.len());
        let values: Vec<i16> = parts
            .iter()
            .flat_map(|part| {
                let batch = decode(part);
                assert_eq!(batch.num_rows(), part.rows);
                batch.column(0).as_primitive::<Int16Type>().values().to_vec()
            })
            .collect();
        assert_eq!(values, (0..1000).collect::<Vec<i16>>());
    }

    #[test]
    fn no_rows_are_no_stream() {
        let mut result = samples::every_type();
        result.batches.clear();
        let table = Table::new(&result).expect("no rows");
        let parts = encode(&table, 100, 2).expect("no rows");
        assert_eq!((parts.len(), parts[0].rows, parts[0].bytes.len()), (1, 0, 0));
    }
}

//! One record, taken out of JSON text: only the members that are asked for are looked at.
//!
//! Of a key that an object has twice the last value counts, as most readers of JSON have it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::schema::{Field, Kind, RECORD};

/// The member of a file's outermost object that holds its records.
pub(super) const RECORDS: &str = "Records";

/// The members to take from an object, each with its place among the values of a record.
#[derive(Debug)]
pub(super) struct Wanted {
    members: Vec<(&'static str, Take)>,
}

#[derive(Debug)]
enum Take {
    /// The JSON text of the value.
    Value(usize),
    /// Whether it is an object, and what is in it.
    Object(usize, Wanted),
}

/// What one record gave, by place.
#[derive(Debug)]
pub(super) struct Values<'a> {
    /// JSON texts.
    pub(super) values: Vec<Option<&'a str>>,
    /// Whether the object was there.
    pub(super) objects: Vec<bool>,
    /// Whether it has a member that only CloudTrail's records have.
    is_record: bool,
    /// Whether the outermost object turned out to be the one that holds the records.
    holds_records: bool,
}

/// What came of an object.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A record, and where its text ends.
    Record(usize),
    /// A member `Records`, and where the text of its key ends.
    Records(usize),
    /// An object of another kind.
    Other,
    /// The text ends too early.
    Unfinished,
    /// It is not JSON.
    Wrong(serde_json::Error),
}

impl Wanted {
    /// These columns of a record, and all that is in them; gives the number of values and of objects, too.
    pub(super) fn columns(columns: &[usize]) -> (Self, usize, usize) {
        let (mut values, mut objects) = (0, 0);
        let fields = columns.iter().map(|column| &RECORD[*column]);
        let wanted = Self::members(fields, &mut values, &mut objects);
        (wanted, values, objects)
    }

    /// Numbers the members depth first, which is the order in which columns are filled.
    fn members<'f>(
        fields: impl Iterator<Item = &'f Field>,
        values: &mut usize,
        objects: &mut usize,
    ) -> Self {
        let next = |counter: &mut usize| {
            *counter += 1;
            *counter - 1
        };
        let of_record = fields.filter(|field| !matches!(field.kind, Kind::File));
        let members = of_record.map(|field| {
            let take = match field.kind {
                Kind::Object(fields) => {
                    let object = next(objects);
                    Take::Object(object, Self::members(fields.iter(), values, objects))
                }
                _ => Take::Value(next(values)),
            };
            (field.name, take)
        });
        Self {
            members: members.collect(),
        }
    }

    /// The member of this name; `hint` is where to look first, since records keep the order of their members.
    fn find(&self, name: &str, hint: &mut usize) -> Option<&Take> {
        let (before, after) = self.members.split_at((*hint).min(self.members.len()));
        let mut members = after.iter().chain(before);
        let at = members.position(|(member, _)| *member == name)?;
        let at = (*hint + at) % self.members.len();
        *hint = at + 1;
        Some(&self.members[at].1)
    }

    /// Forgets what an object gave before.
    fn clear(&self, values: &mut Values<'_>) {
        for (_, take) in &self.members {
            match take {
                Take::Value(at) => values.values[*at] = None,
                Take::Object(at, inside) => {
                    values.objects[*at] = false;
                    inside.clear(values);
                }
            }
        }
    }
}

impl<'a> Values<'a> {
    pub(super) fn new(values: usize, objects: usize) -> Self {
        Self {
            values: vec![None; values],
            objects: vec![false; objects],
            is_record: false,
            holds_records: false,
        }
    }

    /// Takes the object at the start of `text`; `outermost`: it may be the one that holds the records.
    pub(super) fn take(&mut self, wanted: &Wanted, text: &'a str, outermost: bool) -> Outcome {
        wanted.clear(self);
        (self.is_record, self.holds_records) = (false, false);
        let mut json = serde_json::Deserializer::from_str(text);
        let object = Object {
            wanted,
            values: self,
            outermost,
        };
        let taken = json.deserialize_map(object);
        let end = json.into_iter::<IgnoredAny>().byte_offset();
        match taken {
            Ok(_) if outermost && !self.is_record => Outcome::Other,
            Ok(_) => Outcome::Record(end),
            Err(_) if self.holds_records => Outcome::Records(end),
            Err(error) if is_cut_off(&error, text) => Outcome::Unfinished,
            Err(error) => Outcome::Wrong(error),
        }
    }
}

/// Whether what is wrong may be mended by what follows the text: a number that ends in the middle is called wrong.
pub(super) fn is_cut_off(error: &serde_json::Error, text: &str) -> bool {
    error.is_eof() || error.is_syntax() && text.ends_with(['-', '+', '.', 'e', 'E'])
}

/// Takes the members of an object, or finds that there is none.
struct Object<'w, 'v, 'a> {
    wanted: &'w Wanted,
    values: &'v mut Values<'a>,
    outermost: bool,
}

impl<'de> DeserializeSeed<'de> for Object<'_, '_, 'de> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, '_, 'de> {
    /// Whether it is an object.
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut hint = 0;
        while let Some(key) = map.next_key_seed(Key)? {
            if self.outermost {
                if key == RECORDS {
                    self.values.holds_records = true;
                    return Err(A::Error::custom(RECORDS));
                }
                self.values.is_record =
                    self.values.is_record || RECORD.iter().any(|field| field.name == key);
            }
            match self.wanted.find(&key, &mut hint) {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(Take::Value(at)) => {
                    let value: &'de RawValue = map.next_value()?;
                    self.values.values[*at] = Some(value.get());
                }
                Some(Take::Object(at, wanted)) => {
                    wanted.clear(self.values);
                    let object = Object {
                        wanted,
                        values: self.values,
                        outermost: false,
                    };
                    self.values.objects[*at] = map.next_value_seed(object)?;
                }
            }
        }
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }
}

/// A key, borrowed where it has no escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        // Bytes, because a key may hold half of a surrogate pair.
        json.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_borrowed_bytes<E>(self, text: &'de [u8]) -> Result<Self::Value, E> {
        Ok(String::from_utf8_lossy(text))
    }

    fn visit_bytes<E>(self, text: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(String::from_utf8_lossy(text).into_owned()))
    }
}

/// The text that a JSON string says; half of a surrogate pair becomes U+FFFD.
pub(super) fn unescaped(json: &str) -> Cow<'_, str> {
    let inside = json
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(json);
    if !inside.contains('\\') {
        return Cow::Borrowed(inside);
    }
    let mut string = serde_json::Deserializer::from_str(json);
    Key.deserialize(&mut string)
        .unwrap_or(Cow::Borrowed(inside))
}

//! Binary XML as Windows writes it into its event logs: a template, written out where it is used first, and the values
//! that fill it. Offsets are those of the chunk it stands in.

use std::collections::HashMap;

/// Names and templates that a chunk holds so far, by where they stand.
#[derive(Default)]
pub struct Known {
    names: HashMap<String, u32>,
    templates: HashMap<Vec<String>, u32>,
}

/// A value of a template.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Text(String),
    Number16(u16),
    Number(u32),
    Number64(u64),
    FileTime(u64),
    Hex(u64),
    /// The last numbers of a security id that begins S-1-5.
    Sid(Vec<u32>),
}

impl Value {
    fn code(&self) -> u8 {
        match self {
            Self::Null => 0x00,
            Self::Text(_) => 0x01,
            Self::Number16(_) => 0x06,
            Self::Number(_) => 0x08,
            Self::Number64(_) => 0x0a,
            Self::FileTime(_) => 0x11,
            Self::Sid(_) => 0x13,
            Self::Hex(_) => 0x15,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Null => Vec::new(),
            Self::Text(text) => utf16(text),
            Self::Number16(number) => number.to_le_bytes().to_vec(),
            Self::Number(number) => number.to_le_bytes().to_vec(),
            Self::Number64(number) | Self::FileTime(number) | Self::Hex(number) => {
                number.to_le_bytes().to_vec()
            }
            Self::Sid(numbers) => {
                let mut bytes = vec![1, numbers.len() as u8, 0, 0, 0, 0, 0, 5];
                bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
                bytes
            }
        }
    }
}

/// An element of a template.
pub struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, Content)>,
    content: Vec<Content>,
}

/// What stands in an element or an attribute.
pub enum Content {
    Text(String),
    /// The value of this number.
    Value(u16),
    Element(Element),
}

impl Element {
    pub fn new(name: &'static str, content: Vec<Content>) -> Self {
        Self {
            name,
            attributes: Vec::new(),
            content,
        }
    }

    pub fn with(mut self, name: &'static str, value: Content) -> Self {
        self.attributes.push((name, value));
        self
    }
}

/// Bytes that will stand at an offset of a chunk.
pub struct BinaryXml<'k> {
    base: u32,
    bytes: Vec<u8>,
    known: &'k mut Known,
    values: &'k [Value],
}

impl<'k> BinaryXml<'k> {
    /// The template that `key` names, filled with the values, as the whole of a record at `base`.
    pub fn record(
        base: u32,
        known: &'k mut Known,
        key: Vec<String>,
        template: &Element,
        values: &'k [Value],
    ) -> Vec<u8> {
        let mut xml = Self {
            base,
            bytes: Vec::new(),
            known,
            values,
        };
        xml.put(&[0x0f, 1, 1, 0, 0x0c, 1]);
        xml.put(&1_u32.to_le_bytes());
        match xml.known.templates.get(&key).copied() {
            Some(offset) => xml.put(&offset.to_le_bytes()),
            None => xml.define(key, template),
        }
        xml.put(&(values.len() as u32).to_le_bytes());
        for value in values {
            xml.put(&(value.bytes().len() as u16).to_le_bytes());
            xml.put(&[value.code(), 0]);
        }
        for value in values {
            xml.put(&value.bytes());
        }
        xml.put(&[0x00]);
        xml.bytes
    }

    fn define(&mut self, key: Vec<String>, template: &Element) {
        let offset = self.position() + 4;
        self.known.templates.insert(key, offset);
        self.put(&offset.to_le_bytes());
        self.put(&[0; 4]);
        self.put(&[0x5c; 16]);
        self.sized(|xml| {
            xml.put(&[0x0f, 1, 1, 0]);
            xml.element(template);
            xml.put(&[0x00]);
        });
    }

    fn element(&mut self, element: &Element) {
        let has_attributes = !element.attributes.is_empty();
        self.put(&[if has_attributes { 0x41 } else { 0x01 }, 0xff, 0xff]);
        self.sized(|xml| {
            xml.name(element.name);
            if has_attributes {
                xml.sized(|xml| {
                    let last = element.attributes.len() - 1;
                    for (index, (name, value)) in element.attributes.iter().enumerate() {
                        xml.put(&[if index < last { 0x46 } else { 0x06 }]);
                        xml.name(name);
                        xml.content(value);
                    }
                });
            }
            if element.content.is_empty() {
                return xml.put(&[0x03]);
            }
            xml.put(&[0x02]);
            for content in &element.content {
                xml.content(content);
            }
            xml.put(&[0x04]);
        });
    }

    fn content(&mut self, content: &Content) {
        match content {
            Content::Element(element) => self.element(element),
            Content::Text(text) => {
                self.put(&[0x05, 0x01]);
                self.put(&(text.encode_utf16().count() as u16).to_le_bytes());
                self.put(&utf16(text));
            }
            Content::Value(number) => {
                self.put(&[0x0d]);
                self.put(&number.to_le_bytes());
                self.put(&[self.values[usize::from(*number)].code()]);
            }
        }
    }

    /// A name, written out where the chunk has it first.
    fn name(&mut self, name: &str) {
        if let Some(offset) = self.known.names.get(name) {
            let offset = offset.to_le_bytes();
            return self.put(&offset);
        }
        let offset = self.position() + 4;
        self.known.names.insert(name.to_owned(), offset);
        let hash = name.encode_utf16().fold(0_u32, |hash, unit| {
            hash.wrapping_mul(65599).wrapping_add(unit.into())
        });
        self.put(&offset.to_le_bytes());
        self.put(&[0; 4]);
        self.put(&(hash as u16).to_le_bytes());
        self.put(&(name.encode_utf16().count() as u16).to_le_bytes());
        self.put(&utf16(name));
        self.put(&[0; 2]);
    }

    /// The number of bytes that `write` writes, then those.
    fn sized(&mut self, write: impl FnOnce(&mut Self)) {
        let at = self.bytes.len();
        self.put(&[0; 4]);
        write(self);
        let size = (self.bytes.len() - at - 4) as u32;
        self.bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
    }

    fn position(&self) -> u32 {
        self.base + self.bytes.len() as u32
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

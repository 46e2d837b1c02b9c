//! The columns of a CloudTrail record, as AWS documents its contents.
//!
//! What has a shape of its own for each service (`requestParameters` and its like) is JSON text, as it was delivered.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Fields, Schema, SchemaRef, TimeUnit};

use self::Kind::{Boolean, File, Json, Object, Text, Time};
use crate::source::SOURCE_FILE;

/// The column by which days are chosen.
pub(super) const EVENT_TIME: &str = "eventTime";

/// A member of a JSON object, and the column that it becomes.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// What a column holds; every column may be NULL.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A text; any other JSON value but null is taken as its JSON text.
    Text,
    /// The JSON text of any value but null.
    Json,
    /// `true` or `false`, also where they are written as texts; anything else is NULL.
    Boolean,
    /// An instant; a text that is none is NULL.
    Time,
    /// The name of the file.
    File,
    /// A struct; anything but an object is NULL.
    Object(&'static [Field]),
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

/// The record, in the order of AWS's reference.
pub(super) const RECORD: &[Field] = &[
    field("eventVersion", Text),
    field("userIdentity", Object(USER_IDENTITY)),
    field(EVENT_TIME, Time),
    field("eventSource", Text),
    field("eventName", Text),
    field("awsRegion", Text),
    field("sourceIPAddress", Text),
    field("userAgent", Text),
    field("errorCode", Text),
    field("errorMessage", Text),
    field("requestParameters", Json),
    field("responseElements", Json),
    field("additionalEventData", Json),
    field("requestID", Text),
    field("eventID", Text),
    field("eventType", Text),
    field("apiVersion", Text),
    field("managementEvent", Boolean),
    field("readOnly", Boolean),
    field("resources", Json),
    field("recipientAccountId", Text),
    field("serviceEventDetails", Json),
    field("sharedEventID", Text),
    field("vpcEndpointId", Text),
    field("vpcEndpointAccountId", Text),
    field("eventCategory", Text),
    field("addendum", Json),
    field("sessionCredentialFromConsole", Text),
    field("edgeDeviceDetails", Json),
    field("eventContext", Json),
    field("tlsDetails", Object(TLS_DETAILS)),
    field(SOURCE_FILE, File),
];

const USER_IDENTITY: &[Field] = &[
    field("type", Text),
    field("principalId", Text),
    field("arn", Text),
    field("accountId", Text),
    field("accessKeyId", Text),
    field("userName", Text),
    field("invokedBy", Text),
    field("identityProvider", Text),
    field("credentialId", Text),
    field("sessionContext", Object(SESSION_CONTEXT)),
    field("onBehalfOf", Json),
    field("inScopeOf", Json),
];

const SESSION_CONTEXT: &[Field] = &[
    field("sessionIssuer", Object(SESSION_ISSUER)),
    field("webIdFederationData", Json),
    field("attributes", Object(ATTRIBUTES)),
    field("sourceIdentity", Text),
    field("assumedRoot", Text),
    field("ec2RoleDelivery", Text),
];

const SESSION_ISSUER: &[Field] = &[
    field("type", Text),
    field("principalId", Text),
    field("arn", Text),
    field("accountId", Text),
    field("userName", Text),
];

const ATTRIBUTES: &[Field] = &[field("creationDate", Text), field("mfaAuthenticated", Text)];

const TLS_DETAILS: &[Field] = &[
    field("tlsVersion", Text),
    field("cipherSuite", Text),
    field("clientProvidedHostHeader", Text),
];

/// The whole record as a schema.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(arrow_fields(RECORD)))
}

/// The Arrow fields of these members.
pub(super) fn arrow_fields(fields: &[Field]) -> Fields {
    let arrow = |field: &Field| ArrowField::new(field.name, data_type(field.kind), true);
    fields.iter().map(arrow).collect()
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Text | Json | File => DataType::Utf8View,
        Boolean => DataType::Boolean,
        Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Object(fields) => DataType::Struct(arrow_fields(fields)),
    }
}

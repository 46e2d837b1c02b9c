//! Who calls what in the sample trail: a few people and programs, each with places, hours and calls of their own.

/// A call of an API: service, name, and whether it only reads.
pub(super) type Call = (&'static str, &'static str, bool);

/// An IAM user, who signs with an access key.
pub(super) struct User {
    pub(super) name: &'static str,
    pub(super) region: &'static str,
    /// Addresses that are in turn.
    pub(super) addresses: [&'static str; 2],
    pub(super) agent: &'static str,
    /// First hour of the day, and how many there are.
    pub(super) hours: (u32, u32),
    pub(super) calls: &'static [Call],
}

/// The accounts of the sample.
pub(super) const ACCOUNTS: [&str; 2] = ["111111111111", "222222222222"];

const BUILD: &[Call] = &[
    ("sts.amazonaws.com", "GetCallerIdentity", true),
    ("ecr.amazonaws.com", "GetAuthorizationToken", true),
    ("ecr.amazonaws.com", "PutImage", false),
    ("ecs.amazonaws.com", "UpdateService", false),
    (
        "lambda.amazonaws.com",
        "UpdateFunctionCode20150331v2",
        false,
    ),
];

const LOOK: &[Call] = &[
    ("ec2.amazonaws.com", "DescribeInstances", true),
    ("ec2.amazonaws.com", "DescribeSecurityGroups", true),
    ("s3.amazonaws.com", "ListBuckets", true),
    ("monitoring.amazonaws.com", "GetMetricData", true),
    ("logs.amazonaws.com", "FilterLogEvents", true),
];

const KEEP: &[Call] = &[
    ("rds.amazonaws.com", "DescribeDBInstances", true),
    ("rds.amazonaws.com", "CreateDBSnapshot", false),
    ("ec2.amazonaws.com", "CreateSnapshot", false),
    ("kms.amazonaws.com", "GenerateDataKey", true),
];

const ADMIN: &[Call] = &[
    ("iam.amazonaws.com", "ListUsers", true),
    ("iam.amazonaws.com", "GetUser", true),
    ("ec2.amazonaws.com", "DescribeInstances", true),
    ("ec2.amazonaws.com", "RunInstances", false),
    ("cloudtrail.amazonaws.com", "DescribeTrails", true),
    ("signin.amazonaws.com", "ConsoleLogin", false),
];

const CLI: &str =
    "aws-cli/2.31.6 md/awscrt#0.27.6 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.13.7";
const BROWSER: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0";

/// The users of each account.
pub(super) const USERS: [User; 7] = [
    User {
        name: "ci-deployer",
        region: "eu-west-1",
        addresses: ["198.51.100.20", "198.51.100.21"],
        agent: "Boto3/1.40.55 md/Botocore#1.40.55 ua/2.1 os/linux#5.15",
        hours: (0, 24),
        calls: BUILD,
    },
    User {
        name: "backup",
        region: "eu-west-1",
        addresses: ["198.51.100.30", "198.51.100.30"],
        agent: "aws-sdk-go-v2/1.39.4 os/linux lang/go#1.25.3",
        hours: (0, 24),
        calls: KEEP,
    },
    User {
        name: "monitoring",
        region: "us-east-1",
        addresses: ["198.51.100.40", "198.51.100.41"],
        agent: "aws-sdk-java/2.35.10 Linux/5.10",
        hours: (0, 24),
        calls: LOOK,
    },
    User {
        name: "alice",
        region: "eu-west-1",
        addresses: ["203.0.113.10", "203.0.113.11"],
        agent: CLI,
        hours: (7, 10),
        calls: LOOK,
    },
    User {
        name: "bob",
        region: "eu-central-1",
        addresses: ["203.0.113.10", "203.0.113.57"],
        agent: CLI,
        hours: (8, 9),
        calls: LOOK,
    },
    User {
        name: "carol",
        region: "us-east-1",
        addresses: ["203.0.113.90", "203.0.113.91"],
        agent: BROWSER,
        hours: (13, 9),
        calls: ADMIN,
    },
    User {
        name: "dave",
        region: "eu-west-1",
        addresses: ["203.0.113.12", "203.0.113.13"],
        agent: BROWSER,
        hours: (7, 9),
        calls: ADMIN,
    },
];

/// What whoever has stolen a key does with it, in this order.
pub(super) const STOLEN_KEY: &[Call] = &[
    ("sts.amazonaws.com", "GetCallerIdentity", true),
    ("iam.amazonaws.com", "ListAttachedUserPolicies", true),
    ("s3.amazonaws.com", "ListBuckets", true),
    ("secretsmanager.amazonaws.com", "ListSecrets", true),
    ("secretsmanager.amazonaws.com", "GetSecretValue", true),
    ("iam.amazonaws.com", "CreateUser", false),
    ("iam.amazonaws.com", "CreateAccessKey", false),
    ("iam.amazonaws.com", "AttachUserPolicy", false),
    ("cloudtrail.amazonaws.com", "StopLogging", false),
    ("ec2.amazonaws.com", "RunInstances", false),
];

/// Where stolen keys are used: account, user, region, address, agent, minute of the last day.
pub(super) const INTRUSIONS: [(usize, usize, &str, &str, &str, u32); 2] = [
    (
        0,
        3,
        "ap-southeast-1",
        "192.0.2.66",
        "python-requests/2.32.5",
        3 * 60 + 11,
    ),
    (
        1,
        1,
        "us-west-2",
        "192.0.2.140",
        "aws-cli/1.18.69 Python/3.8.10 Linux/5.4.0-kali",
        21 * 60 + 40,
    ),
];

/// What services do in the name of roles.
pub(super) const ROLES: [(&str, Call); 4] = [
    ("ecs-task", ("s3.amazonaws.com", "GetObject", true)),
    ("ecs-task", ("kms.amazonaws.com", "Decrypt", true)),
    ("nightly-etl", ("glue.amazonaws.com", "GetTable", true)),
    (
        "autoscaling",
        ("ec2.amazonaws.com", "DescribeInstanceStatus", true),
    ),
];

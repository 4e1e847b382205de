//! A role with its provider and its policies, as what people apply: AWS CLI commands, Terraform, CloudFormation.

use serde_json::{Value, json};

/// All that is made.
pub(super) struct NewRole {
    pub name: String,
    pub issuer: String,
    pub provider_arn: String,
    pub audiences: Vec<String>,
    pub trust: Value,
    pub permissions: Option<Value>,
}

/// The name of the policy in the role.
const POLICY: &str = "ecr";

impl NewRole {
    /// The trust policy alone, or with the permissions beside it.
    pub fn json(&self) -> String {
        match &self.permissions {
            None => format!("{:#}\n", self.trust),
            Some(permissions) => {
                format!(
                    "{:#}\n",
                    json!({"TrustPolicy": self.trust, "PermissionsPolicy": permissions})
                )
            }
        }
    }

    /// Commands of the AWS CLI. The provider is left as it is where there is one.
    pub fn commands(&self) -> String {
        let audiences: Vec<String> = self.audiences.iter().map(|audience| quoted(audience)).collect();
        let (arn, url, name) = (quoted(&self.provider_arn), quoted(&self.issuer), quoted(&self.name));
        let mut text = format!(
            "aws iam get-open-id-connect-provider --open-id-connect-provider-arn {arn} >/dev/null 2>&1 ||
  aws iam create-open-id-connect-provider --url {url} --client-id-list {}

aws iam create-role --role-name {name} --assume-role-policy-document file:///dev/stdin <<'END'
{:#}
END
",
            audiences.join(" "),
            self.trust
        );
        if let Some(permissions) = &self.permissions {
            text += &format!(
                "
aws iam put-role-policy --role-name {name} --policy-name {POLICY} --policy-document file:///dev/stdin <<'END'
{permissions:#}
END
"
            );
        }
        text
    }

    /// Resources of Terraform, and a variable for accounts that have the provider.
    pub fn terraform(&self) -> String {
        let mut text = format!(
            "variable \"create_provider\" {{
  description = \"false where the account has the provider already\"
  type        = bool
  default     = true
}}

resource \"aws_iam_openid_connect_provider\" \"ci\" {{
  count          = var.create_provider ? 1 : 0
  url            = {}
  client_id_list = {}
}}

resource \"aws_iam_role\" \"ci\" {{
  name = {}
  assume_role_policy = jsonencode({})
  depends_on = [aws_iam_openid_connect_provider.ci]
}}
",
            hcl(&json!(self.issuer)),
            hcl(&json!(self.audiences)),
            hcl(&json!(self.name)),
            hcl(&self.trust)
        );
        if let Some(permissions) = &self.permissions {
            text += &format!(
                "
resource \"aws_iam_role_policy\" \"ecr\" {{
  name   = \"{POLICY}\"
  role   = aws_iam_role.ci.id
  policy = jsonencode({})
}}
",
                hcl(permissions)
            );
        }
        text
    }

    /// A template of CloudFormation, with a parameter for accounts that have the provider.
    pub fn cloudformation(&self) -> String {
        let mut trust = self.trust.clone();
        // With the reference the provider is made before the role.
        let provider = json!({"Fn::If": ["CreatesProvider", {"Ref": "Provider"}, self.provider_arn]});
        trust["Statement"][0]["Principal"]["Federated"] = provider;
        let mut role = json!({"RoleName": self.name, "AssumeRolePolicyDocument": trust});
        if let Some(permissions) = &self.permissions {
            role["Policies"] = json!([{"PolicyName": POLICY, "PolicyDocument": permissions}]);
        }
        let template = json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Parameters": {"CreateProvider": {
                "Type": "String",
                "AllowedValues": ["true", "false"],
                "Default": "true",
                "Description": "false where the account has the provider already",
            }},
            "Conditions": {"CreatesProvider": {"Fn::Equals": [{"Ref": "CreateProvider"}, "true"]}},
            "Resources": {
                "Provider": {
                    "Type": "AWS::IAM::OIDCProvider",
                    "Condition": "CreatesProvider",
                    "Properties": {"Url": self.issuer, "ClientIdList": self.audiences},
                },
                "Role": {"Type": "AWS::IAM::Role", "Properties": role},
            },
        });
        format!("{template:#}\n")
    }
}

/// One word of a shell.
fn quoted(text: &str) -> String {
    // Texts with a NUL come neither from a command line nor from a checked token.
    shlex::try_quote(text).unwrap_or_default().into_owned()
}

/// JSON is an expression of HCL, but for what begins a template in a text.
fn hcl(value: &Value) -> String {
    let text = format!("{value:#}").replace("${", "$${").replace("%{", "%%{");
    text.replace('\n', "\n  ")
}

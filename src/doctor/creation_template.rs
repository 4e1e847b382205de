//! Whether ECR creates a missing repository on the first push to it.

use super::Checkup;
use aws_access::{Aws, CreationTemplate, PasswordPath};
use context::budget;
use diagnostics::Error;

/// ECR's answer about its templates.
pub enum CreationTemplates {
    /// ECR was not asked: ECR Public has no templates, and without credentials it cannot be asked.
    Unasked,
    /// The template for the repository, if there is one.
    Known(Option<CreationTemplate>),
    /// The call failed.
    Unknown(Error),
}

impl CreationTemplates {
    /// Asks ECR, with the credentials that fetched the password.
    pub fn ask(path: Option<&PasswordPath>, repository: &str, checkup: &mut Checkup<'_, '_>) -> Self {
        let Some(path) = path.filter(|path| !path.registry().is_public()) else {
            return Self::Unasked;
        };
        let env = checkup.context.env.clone();
        let found = budget(&env).and_then(|budget| {
            let aws = Aws::new(&env, path.identity(), budget)?;
            let call = aws.creation_template(path.registry(), path.endpoint(), repository);
            checkup.wait("asking Amazon ECR for its repository creation templates", call)
        });
        found.map_or_else(Self::Unknown, Self::Known)
    }

    /// Returns words for a push that works.
    pub fn beside_success(&self) -> String {
        match self {
            Self::Known(Some(template)) if template.creates_on_push => format!(
                "; ECR makes repositories on the first push, by the creation template {}",
                template.prefix
            ),
            _ => String::new(),
        }
    }

    /// Returns words for a missing repository.
    pub fn beside_failure(&self) -> String {
        match self {
            Self::Unasked => String::new(),
            Self::Known(None) => "; no repository creation template matches it".to_owned(),
            Self::Known(Some(template)) if template.creates_on_push => format!(
                "; the creation template {} matches it, but ECR created no repository: check what the template's role may do",
                template.prefix
            ),
            Self::Known(Some(template)) => format!(
                "; the creation template {} matches it, but does not apply to pushes (CREATE_ON_PUSH)",
                template.prefix
            ),
            Self::Unknown(error) => format!(
                "; cannot tell whether a creation template matches it: {}",
                error.cause()
            ),
        }
    }
}

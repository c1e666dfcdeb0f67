//! PromptService. What a template is lives in the core, the files in `documents`.

use std::collections::BTreeMap;

use aq_core::ids::ProjectId;
use aq_core::prompt::{prompt_name, render};
use aq_proto::v1 as pb;
use pb::prompt_service_server::PromptService;
use tonic::Request;

use super::incoming::{few, project_id, short};
use super::notes::{file_text, wanted};
use super::page::Page;
use super::service::Api;
use super::status::{ApiError, Reply};
use crate::commands::Context;
use crate::documents::{DocumentError, Prompt, Prompts};

/// Longest value of a variable, in bytes.
const MAX_VALUE: usize = 64 * 1024;

/// The service.
pub(super) struct PromptCalls(pub(super) Api);

fn of_prompt(prompts: &Prompts, project: &ProjectId, prompt: &Prompt, with_text: bool) -> pb::PromptTemplate {
    let variable = |variable: &aq_core::prompt::Variable| pb::PromptVariable {
        name: variable.name.clone(),
        description: variable.description.clone(),
        required: variable.required,
        default_value: variable.default.clone(),
    };
    pb::PromptTemplate {
        project_id: project.to_string(),
        name: prompt.name.clone(),
        title: prompt.title().to_owned(),
        description: prompt.header.description.clone(),
        category: prompt.category.clone(),
        tags: prompt.header.tags.clone(),
        variables: prompt.header.variables.iter().map(variable).collect(),
        version: prompt.header.version.unwrap_or(1),
        author: prompt.header.author.clone(),
        content: if with_text { prompt.body.clone() } else { String::new() },
        problem: prompt.problem.clone(),
        path: prompts.path(&prompt.name).display().to_string(),
    }
}

/// A missing template, in the words of templates.
fn told(error: DocumentError) -> ApiError {
    match error {
        DocumentError::Missing(id) => ApiError::not_found("prompt", id),
        other => other.into(),
    }
}

impl PromptCalls {
    async fn prompts(&self, context: &Context, text: &str) -> Result<(ProjectId, Prompts), ApiError> {
        let id = project_id("project_id", text)?;
        self.0.known_project(context, &id).await?;
        let prompts = Prompts::new(self.0.parts.facts.home.clone(), id.clone());
        Ok((id, prompts))
    }
}

#[tonic::async_trait]
impl PromptService for PromptCalls {
    async fn list_prompts(&self, request: Request<pb::ListPromptsRequest>) -> Reply<pb::ListPromptsResponse> {
        let call = self.0.admit(request)?;
        let page = Page::<(String, String)>::of(&call.body)?;
        let (category, tag) = (short("category", &call.body.category)?, short("tag", &call.body.tag)?);
        let (id, prompts) = self.prompts(&call.context, &call.body.project_id).await?;
        let reader = prompts.clone();
        let mut all = self.0.files(move || reader.all()).await?.map_err(told)?;
        let mut counts = BTreeMap::<String, u32>::new();
        for prompt in &all {
            *counts.entry(prompt.category.clone()).or_default() += 1;
        }
        all.retain(|prompt| (category.is_empty() || prompt.category == category) && (tag.is_empty() || prompt.header.tags.contains(&tag)));
        let slice = page.slice(all, |prompt| (prompt.category.clone(), prompt.name.clone()));
        Ok(tonic::Response::new(pb::ListPromptsResponse {
            prompts: slice.items.iter().map(|prompt| of_prompt(&prompts, &id, prompt, false)).collect(),
            next_page_token: slice.next,
            total_size: slice.total,
            categories: counts.into_iter().map(|(category, count)| pb::PromptCategory { category, count }).collect(),
        }))
    }

    async fn get_prompt(&self, request: Request<pb::GetPromptRequest>) -> Reply<pb::PromptTemplate> {
        let call = self.0.admit(request)?;
        let name = wanted("name", &call.body.name)?;
        let (id, prompts) = self.prompts(&call.context, &call.body.project_id).await?;
        let reader = prompts.clone();
        let prompt = self.0.files(move || reader.read(&name)).await?.map_err(told)?;
        Ok(tonic::Response::new(of_prompt(&prompts, &id, &prompt, true)))
    }

    async fn render_prompt(&self, request: Request<pb::RenderPromptRequest>) -> Reply<pb::RenderPromptResponse> {
        let call = self.0.admit(request)?;
        let name = wanted("name", &call.body.name)?;
        few("variables", call.body.variables.len())?;
        let given: BTreeMap<String, String> = call.body.variables.clone().into_iter().collect();
        if let Some((variable, _)) = given.iter().find(|(_, value)| value.len() > MAX_VALUE) {
            let variable: String = variable.chars().take(64).collect();
            return Err(ApiError::invalid(format!("variables[{variable}]"), format!("is longer than {MAX_VALUE} bytes")).into());
        }
        let (_, prompts) = self.prompts(&call.context, &call.body.project_id).await?;
        let prompt = self.0.files(move || prompts.read(&name)).await?.map_err(told)?;
        let done = render(&prompt.body, &prompt.header.variables, &given);
        Ok(tonic::Response::new(pb::RenderPromptResponse {
            name: prompt.name,
            rendered: done.text,
            variables_used: done.used.into_iter().collect(),
            missing: done.missing.into_iter().collect(),
        }))
    }

    async fn write_prompt(&self, request: Request<pb::WritePromptRequest>) -> Reply<pb::PromptTemplate> {
        let call = self.0.admit(request)?;
        let name = prompt_name(&call.body.name).map_err(|why| ApiError::invalid("name", why.to_string()))?;
        let file = file_text("content", &call.body.content)?;
        let parsed = Prompt::parse(&name, &file);
        if !parsed.problem.is_empty() {
            return Err(ApiError::invalid("content", format!("has a header that cannot be read: {}", parsed.problem)).into());
        }
        let (id, prompts) = self.prompts(&call.context, &call.body.project_id).await?;
        let _turn = self.0.documents.lock().await;
        if let Some(kept) = self.0.replayed(&call.context, &call.body).await? {
            return Ok(tonic::Response::new(kept));
        }
        let writer = prompts.clone();
        let prompt = self.0.files(move || writer.write(&name, &file)).await?.map_err(told)?;
        let answer = of_prompt(&prompts, &id, &prompt, true);
        self.0.mutate(&call.context, &call.body, move |_, _| Ok(answer.clone().into())).await
    }

    async fn delete_prompt(&self, request: Request<pb::DeletePromptRequest>) -> Reply<pb::DeletePromptResponse> {
        let call = self.0.admit(request)?;
        let name = wanted("name", &call.body.name)?;
        let (_, prompts) = self.prompts(&call.context, &call.body.project_id).await?;
        let _turn = self.0.documents.lock().await;
        if let Some(kept) = self.0.replayed(&call.context, &call.body).await? {
            return Ok(tonic::Response::new(kept));
        }
        let remove = move || {
            let found = prompts.read(&name)?;
            prompts.remove(&found.name)?;
            Ok(found.name)
        };
        let name = self.0.files(remove).await?.map_err(told)?;
        let answer = pb::DeletePromptResponse { name };
        self.0.mutate(&call.context, &call.body, move |_, _| Ok(answer.clone().into())).await
    }
}

//! The tables as diesel sees them. Types are those that SQLite and PostgreSQL share: text, 32 and 64 bit integers, booleans, doubles.
//!
//! Instants are milliseconds since the Unix epoch, enumerations are their stored text, structured values are JSON text.

diesel::table! {
    settings (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    projects (id) {
        id -> Text,
        name -> Text,
        status -> Text,
        credit_weight -> Double,
        max_concurrent_agents -> Integer,
        budget_limit -> Nullable<BigInt>,
        repo_url -> Text,
        default_branch -> Text,
        discord_channel_id -> Nullable<Text>,
        test_commands -> Text,
        runtime -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
        time_limit_ms -> Nullable<BigInt>,
        silence_limit_ms -> Nullable<BigInt>,
        question_timeout_ms -> Nullable<BigInt>,
        plan_approval -> Nullable<Text>,
        proposals -> Text,
        verification -> Text,
        reviewer_runtime -> Nullable<Text>,
        reviewer -> Nullable<Text>,
        skip_plans_of_finished_work -> Bool,
    }
}

diesel::table! {
    workspaces (id) {
        id -> Text,
        project_id -> Text,
        kind -> Text,
        path -> Text,
        name -> Text,
        created_at -> BigInt,
        removed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    accounts (id) {
        id -> Text,
        name -> Text,
        login_dir -> Text,
        reserve -> Double,
        paused -> Bool,
        policy -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
        max_concurrent_runs -> Integer,
        key_variable -> Text,
        key_source -> Text,
    }
}

diesel::table! {
    limit_windows (account_id, name) {
        account_id -> Text,
        name -> Text,
        status -> Text,
        used -> Nullable<Double>,
        resets_at -> Nullable<BigInt>,
        source -> Text,
        observed_at -> BigInt,
        base_used -> Nullable<Double>,
        base_at -> BigInt,
        heard_spent -> BigInt,
        capacity -> Nullable<Double>,
    }
}

diesel::table! {
    agents (id) {
        id -> Text,
        name -> Text,
        runtime -> Text,
        paused -> Bool,
        account_id -> Nullable<Text>,
        profile -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
        fault -> Nullable<Text>,
    }
}

diesel::table! {
    tasks (key) {
        key -> BigInt,
        id -> Text,
        project_id -> Text,
        parent_key -> Nullable<BigInt>,
        title -> Text,
        description -> Text,
        priority -> Integer,
        status -> Text,
        blocked_reason -> Nullable<Text>,
        task_type -> Nullable<Text>,
        verification -> Text,
        runtime -> Nullable<Text>,
        preferred_agent -> Nullable<Text>,
        agent_id -> Nullable<Text>,
        run_number -> Integer,
        retry_count -> Integer,
        max_retries -> Integer,
        unmet_deps -> Integer,
        branch -> Nullable<Text>,
        session_id -> Nullable<Text>,
        resume_after -> Nullable<BigInt>,
        requires_approval -> Bool,
        pr_url -> Nullable<Text>,
        plan_source -> Nullable<Text>,
        is_plan_subtask -> Bool,
        test_commands -> Text,
        budget_tokens -> Nullable<BigInt>,
        origin -> Text,
        failure -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        archived_at -> Nullable<BigInt>,
        deleted_at -> Nullable<BigInt>,
        time_limit_ms -> Nullable<BigInt>,
        silence_limit_ms -> Nullable<BigInt>,
        model -> Nullable<Text>,
        needs -> Text,
        fallback -> Text,
        filler -> Bool,
        review -> Nullable<Text>,
    }
}

diesel::table! {
    stuck_alerts (task_key) {
        task_key -> BigInt,
        told_at -> BigInt,
    }
}

diesel::table! {
    task_dependencies (task_key, depends_on_key) {
        task_key -> BigInt,
        depends_on_key -> BigInt,
    }
}

diesel::table! {
    task_attachments (task_key, kind, position) {
        task_key -> BigInt,
        kind -> Text,
        position -> Integer,
        label -> Text,
        content -> Text,
    }
}

diesel::table! {
    runs (task_key, number) {
        task_key -> BigInt,
        number -> Integer,
        task_id -> Text,
        project_id -> Text,
        agent_id -> Text,
        runtime -> Text,
        workspace_id -> Text,
        state -> Text,
        result -> Nullable<Text>,
        failure_class -> Nullable<Text>,
        message -> Text,
        summary -> Text,
        files_changed -> Text,
        commit_id -> Text,
        session_id -> Nullable<Text>,
        directory -> Text,
        base_commit -> Text,
        pid -> Nullable<BigInt>,
        exit_code -> Nullable<Integer>,
        reserved_tokens -> BigInt,
        tokens_input -> BigInt,
        tokens_output -> BigInt,
        tokens_cache_read -> BigInt,
        tokens_cache_write -> BigInt,
        output_items -> BigInt,
        output_bytes -> BigInt,
        started_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        pushed -> Bool,
        purpose -> Text,
    }
}

diesel::table! {
    questions (task_key, run_number, request_id) {
        task_key -> BigInt,
        run_number -> Integer,
        request_id -> Text,
        kind -> Text,
        text -> Text,
        tool -> Text,
        detail -> Text,
        options -> Text,
        asked_at -> BigInt,
        closed_at -> Nullable<BigInt>,
        answer -> Nullable<Text>,
        deadline -> Nullable<BigInt>,
        given -> Nullable<Text>,
        given_by -> Nullable<Text>,
        given_at -> Nullable<BigInt>,
        delivered_at -> Nullable<BigInt>,
        told_run -> Nullable<Integer>,
    }
}

diesel::table! {
    messages (task_key, message_id) {
        task_key -> BigInt,
        message_id -> Text,
        run_number -> Integer,
        text -> Text,
        actor -> Text,
        sent_at -> BigInt,
        delivered_at -> Nullable<BigInt>,
        told_run -> Nullable<Integer>,
    }
}

diesel::table! {
    permission_grants (scope, subject, tool) {
        scope -> Text,
        subject -> Text,
        tool -> Text,
        actor -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    token_ledger (task_key, run_number, message_id) {
        task_key -> BigInt,
        run_number -> Integer,
        message_id -> Text,
        at -> BigInt,
        project_id -> Text,
        agent_id -> Text,
        account_id -> Nullable<Text>,
        model -> Text,
        input -> BigInt,
        output -> BigInt,
        cache_read -> BigInt,
        cache_write -> BigInt,
        cost_micros -> Nullable<BigInt>,
    }
}

diesel::table! {
    events (seq) {
        seq -> BigInt,
        at -> BigInt,
        kind -> Text,
        project_id -> Nullable<Text>,
        task_id -> Nullable<Text>,
        run_number -> Nullable<Integer>,
        agent_id -> Nullable<Text>,
        payload -> Text,
        task_key -> Nullable<BigInt>,
    }
}

diesel::table! {
    consumers (name) {
        name -> Text,
        acknowledged_seq -> BigInt,
        holder -> Text,
        lease_until -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    reader_records (reader, key) {
        reader -> Text,
        key -> Text,
        value -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    api_keys (kid) {
        kid -> Text,
        hash -> Text,
        name -> Text,
        role -> Text,
        projects -> Text,
        task_id -> Nullable<Text>,
        run_number -> Nullable<Integer>,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    requests (principal, request_id) {
        principal -> Text,
        request_id -> Text,
        method -> Text,
        fingerprint -> Text,
        response -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    approvals (task_key) {
        task_key -> BigInt,
        run_number -> Integer,
        since -> BigInt,
        remind_at -> BigInt,
        repository -> Text,
        branch -> Text,
        number -> Nullable<BigInt>,
        etag -> Text,
        review -> Text,
        ask_at -> Nullable<BigInt>,
        failures -> Integer,
        problem -> Text,
    }
}

diesel::joinable!(runs -> tasks (task_key));
diesel::table! {
    plans (id) {
        id -> Text,
        project_id -> Text,
        task_key -> Nullable<BigInt>,
        run_number -> Nullable<Integer>,
        request_id -> Nullable<Text>,
        source -> Text,
        path -> Text,
        archive -> Text,
        hash -> Text,
        state -> Text,
        text -> Text,
        proposed -> Text,
        feedback -> Text,
        decided_by -> Nullable<Text>,
        created_at -> BigInt,
        decided_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    task_plan_rules (task_key) {
        task_key -> BigInt,
        rule -> Text,
    }
}

diesel::table! {
    hooks (id) {
        id -> Text,
        project_id -> Text,
        name -> Text,
        enabled -> Bool,
        trigger_json -> Text,
        steps_json -> Text,
        actions_json -> Text,
        cooldown_ms -> BigInt,
        missed -> Text,
        max_tokens_per_run -> Nullable<BigInt>,
        max_tokens_per_day -> Nullable<BigInt>,
        owner_key_id -> Text,
        owner_person -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        next_due_at -> Nullable<BigInt>,
        last_fired_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    hook_runs (id) {
        id -> Text,
        hook_id -> Text,
        project_id -> Text,
        cause -> Text,
        reason -> Text,
        scheduled_at -> Nullable<BigInt>,
        event_seq -> Nullable<BigInt>,
        event_json -> Nullable<Text>,
        state -> Text,
        context_json -> Text,
        prompt -> Text,
        response -> Text,
        actions_json -> Text,
        note -> Text,
        tokens -> BigInt,
        actor -> Text,
        created_at -> BigInt,
        started_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    audit_log (seq) {
        seq -> BigInt,
        at -> BigInt,
        key_id -> Text,
        key_name -> Text,
        role -> Text,
        kind -> Text,
        person -> Text,
        run -> Text,
        method -> Text,
        resources -> Text,
        project_id -> Text,
        choices -> Text,
        request_id -> Text,
        call_id -> Text,
        origin -> Text,
        code -> Text,
        note -> Text,
        previous_hash -> Binary,
        hash -> Binary,
    }
}

diesel::table! {
    audit_marks (name) {
        name -> Text,
        seq -> BigInt,
        hash -> Binary,
    }
}

diesel::joinable!(questions -> tasks (task_key));
diesel::allow_tables_to_appear_in_same_query!(tasks, task_dependencies, task_attachments, runs, questions, projects, token_ledger, events);

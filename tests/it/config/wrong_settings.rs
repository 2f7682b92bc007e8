//! Wrong settings, each with all that a person reads of them.

use super::environment;
use rowbell::config::{Environment, load_settings, load_watchers, parse_settings, render_faults};
use std::path::Path;

fn faults_of(text: &str, variables: &[(&str, &str)]) -> String {
    match parse_settings(Path::new("rowbell.toml"), text, &environment(variables)) {
        Ok(_) => "no fault".to_owned(),
        Err(faults) => render_faults(&faults, false),
    }
}

macro_rules! wrong {
    ($($name:ident: $text:expr $(, $variable:literal = $value:literal)*;)+) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(faults_of($text, &[$(($variable, $value)),*]));
        }
    )+};
}

wrong! {
    a_misspelt_key_at_the_top: "langauge = \"en\"\n";
    a_misspelt_key_in_a_table: "[sources.erp]\nurl = \"sqlite://erp.db\"\nmax_connection = 5\n";
    a_misspelt_secret_key_does_not_show_its_value: "[receivers.w]\ntype = \"dingtalk_robot\"\nwebhok = \"https://h/?access_token=hunter2\"\n";
    a_key_that_slipped_below_a_header: "[store]\nretention = \"90d\"\nlanguage = \"en\"\n";
    an_unknown_language: "language = \"zh\"\n";
    an_unknown_zone: "timezone = \"Asia/Peking\"\n";
    an_empty_folder_name: "watchers = \"\"\n";
    a_public_url_without_a_scheme: "public_url = \"rowbell.example.com\"\n";
    a_store_in_postgres: "[store]\nurl = \"postgres://rowbell:hunter2@db/rowbell\"\n";
    a_store_that_is_a_path: "[store]\nurl = \"/var/lib/rowbell.db\"\n";
    a_retention_without_a_unit: "[store]\nretention = 90\n";
    a_source_without_url: "[sources.erp]\nmax_rows = 5\n";
    a_source_of_an_unknown_kind: "[sources.erp]\nurl = \"oracle://scott:hunter2@db/erp\"\n";
    a_source_with_a_bare_at_in_its_password: "[sources.erp]\nurl = \"postgres://reader:hunter#2@10.0.0.5/erp\"\n";
    a_source_that_is_no_table: "[sources]\nerp = \"postgres://reader:hunter2@db/erp\"\n";
    a_source_with_a_strange_name: "[sources.\"the erp\"]\nurl = \"sqlite://erp.db\"\n";
    sources_that_are_no_table: "sources = [\"sqlite://erp.db\"]\n";
    bounds_of_a_source: "[sources.erp]\nurl = \"sqlite://erp.db\"\nmax_connections = 0\nquery_timeout = \"2d\"\nmax_rows = \"many\"\n";
    an_environment_variable_that_is_not_set: "[sources.erp]\nurl = \"postgres://reader:${ERP_PASSWORD}@10.0.0.5/erp\"\n";
    a_secret_file_that_is_not_there: "[receivers.w]\ntype = \"dingtalk_robot\"\nwebhook = \"${file:no/such/secret}\"\n";
    a_variable_that_never_ends: "public_url = \"https://${HOST/\"\n";
    a_variable_without_a_proper_name: "public_url = \"https://${HO ST}/\"\n";
    a_value_from_a_variable_is_not_repeated: "timezone = \"${ZONE}\"\n", "ZONE" = "hunter2";
    a_robot_without_webhook: "[receivers.w]\ntype = \"dingtalk_robot\"\n";
    a_webhook_that_is_no_url: "[receivers.w]\ntype = \"dingtalk_robot\"\nwebhook = \"hunter2\"\n";
    a_receiver_without_a_type: "[receivers.w]\nwebhook = \"https://h/?access_token=hunter2\"\n";
    an_app_that_names_nobody: "[receivers.d]\ntype = \"dingtalk_app\"\nclient_id = \"x\"\nclient_secret = \"hunter2\"\n";
    an_app_without_credentials: "[receivers.d]\ntype = \"dingtalk_app\"\nusers = [\"u1\"]\n";
    an_app_with_a_robots_keys: "[receivers.d]\ntype = \"dingtalk_app\"\nclient_id = \"x\"\nclient_secret = \"hunter2\"\nusers = [\"u1\"]\nwebhook = \"https://h/?access_token=hunter3\"\n";
    a_robot_with_an_apps_keys: "[receivers.w]\ntype = \"dingtalk_robot\"\nwebhook = \"https://h/?access_token=hunter2\"\nusers = [\"u1\"]\n";
    a_ding_for_nobody: "[receivers.d]\ntype = \"dingtalk_app\"\nclient_id = \"x\"\nclient_secret = \"hunter2\"\nconversations = [\"cid\"]\nform = \"ding_phone\"\n";
    a_work_notification_without_agent: "[receivers.d]\ntype = \"dingtalk_app\"\nclient_id = \"x\"\nclient_secret = \"hunter2\"\nusers = [\"u1\"]\nform = \"work_notification\"\n";
    what_an_app_cannot_be: "[receivers.d]\ntype = \"dingtalk_app\"\nclient_id = \"x\"\nclient_secret = \"hunter2\"\nusers = []\nform = \"email\"\nagent_id = \"7\"\nrecall_resolved = 1\napi_url = \"api\"\n";
    a_robot_beside_a_pool: "[receivers.w]\ntype = \"dingtalk_robot\"\nwebhook = \"https://h/?access_token=hunter2\"\nsecret = \"SEChunter2\"\nrobots = [{ webhook = \"https://h/?access_token=hunter3\" }]\n";
    a_pool_of_no_robots: "[receivers.w]\ntype = \"dingtalk_robot\"\nrobots = []\n";
    robots_that_are_addresses: "[receivers.w]\ntype = \"dingtalk_robot\"\nrobots = [\"https://h/?access_token=hunter2\"]\n";
    a_robot_of_a_pool_without_webhook: "[receivers.w]\ntype = \"dingtalk_robot\"\nrobots = [{ secret = \"SEChunter2\" }, { webhok = \"https://h/?access_token=hunter2\" }]\n";
    a_robot_that_stands_twice_in_a_pool: "[receivers.w]\ntype = \"dingtalk_robot\"\nrobots = [\n  { webhook = \"https://h/?access_token=hunter2\" },\n  { webhook = \"https://h/?access_token=hunter2\" },\n]\n";
    a_pool_that_no_group_takes: "[receivers.w]\ntype = \"dingtalk_robot\"\nrobots = [\n  { webhook = \"https://h/?access_token=hunter0\" },\n  { webhook = \"https://h/?access_token=hunter1\" },\n  { webhook = \"https://h/?access_token=hunter2\" },\n  { webhook = \"https://h/?access_token=hunter3\" },\n  { webhook = \"https://h/?access_token=hunter4\" },\n  { webhook = \"https://h/?access_token=hunter5\" },\n  { webhook = \"https://h/?access_token=hunter6\" },\n]\n";
    a_broken_pool_does_not_show_the_secret: "[receivers.w]\ntype = \"dingtalk_robot\"\nrobots = [{ webhook = \"https://h/?access_token=hunter2 }]\n";
    bounds_of_what_a_receiver_takes: "[receivers.w]\ntype = \"dingtalk_robot\"\nwebhook = \"https://h/?access_token=hunter2\"\nmonthly_cap = 0\ndigest = \"2d\"\nfallback = \"\"\n";
    a_digest_without_a_unit: "[receivers.w]\ntype = \"dingtalk_robot\"\nwebhook = \"https://h/?access_token=hunter2\"\ndigest = 10\n";
    an_organisation_without_a_quota_to_use: "[organisations.main]\nmonthly_quota = 0\napi_quota = \"many\"\ntell = []\nquota = 3\n";
    an_organisation_that_tells_nobody_known: "[organisations.main]\ntell = [\"ward\", \"w\"]\n[receivers.w]\ntype = \"dingtalk_robot\"\nwebhook = \"https://h/?access_token=hunter2\"\n";
    an_unknown_organisation: "[organisations.main]\n[receivers.w]\ntype = \"dingtalk_robot\"\nwebhook = \"https://h/?access_token=hunter2\"\norganisation = \"mian\"\n";
    an_organisation_that_is_not_set: "[receivers.w]\ntype = \"dingtalk_robot\"\nwebhook = \"https://h/?access_token=hunter2\"\norganisation = \"main\"\n";
    a_receiver_of_one_of_several_organisations: "[organisations.main]\n[organisations.branch]\n[receivers.w]\ntype = \"dingtalk_robot\"\nwebhook = \"https://h/?access_token=hunter2\"\n";
    a_fallback_that_is_not_there: "[receivers.w]\ntype = \"dingtalk_robot\"\nwebhook = \"https://h/?access_token=hunter2\"\nfallback = \"duty\"\n";
    a_fallback_to_itself: "[receivers.w]\ntype = \"dingtalk_robot\"\nwebhook = \"https://h/?access_token=hunter2\"\nfallback = \"w\"\n";
    fallbacks_in_a_circle: "[receivers.w]\ntype = \"dingtalk_robot\"\nwebhook = \"https://h/?access_token=hunter2\"\nfallback = \"v\"\n[receivers.v]\ntype = \"dingtalk_robot\"\nwebhook = \"https://h/?access_token=hunter3\"\nfallback = \"u\"\n[receivers.u]\ntype = \"dingtalk_robot\"\nwebhook = \"https://h/?access_token=hunter4\"\nfallback = \"w\"\n[receivers.t]\ntype = \"dingtalk_robot\"\nwebhook = \"https://h/?access_token=hunter5\"\nfallback = \"w\"\n";
    listening_to_everyone: "[web]\nlisten = \"0.0.0.0:7788\"\n";
    listening_without_a_port: "[web]\nlisten = \"127.0.0.1\"\n";
    a_broken_quote_does_not_show_the_secret: "[receivers.w]\ntype = \"dingtalk_robot\"\nsecret = \"hunter2\nwebhook = 'https://h/hunter2\n";
    a_secret_over_several_lines_is_not_shown: "[receivers.w]\ntype = \"dingtalk_robot\"\nwebhook = '''\nhunter2 ''' hunter2\n";
    a_faulty_variable_is_named: "", "ROWBELL__WEB__LISTEN" = "everywhere", "ROWBELL__SOURCES__ERP__MAX_ROWS" = "lots", "ROWBELL__LANGAUGE" = "en";
    a_variable_in_a_variable: "", "ROWBELL__STORE__URL" = "sqlite://${NOWHERE}";
    several_faults_in_file_and_environment: "langauge = \"en\"\ntimezone = \"Asia/Shangai\"\n[store]\nurl = \"rowbell.db\"\n[web]\nlisten = \"0.0.0.0:80\"\n", "ROWBELL__STORE__RETENTION" = "forever";
}

#[test]
fn a_settings_file_that_is_not_there() {
    let faults = load_settings(Some(Path::new("no_such.toml")), &environment(&[])).unwrap_err();
    insta::assert_snapshot!(render_faults(&faults, false));
}

#[test]
fn a_variable_that_names_a_settings_file_that_is_not_there() {
    let faults = load_settings(None, &environment(&[("ROWBELL_CONFIG", "no_such.toml")])).unwrap_err();
    insta::assert_snapshot!(render_faults(&faults, false));
}

#[test]
fn a_settings_file_that_is_not_utf8() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rowbell.toml"), b"language = \"en\"\n# \xbf\xe2\xb4\xe6\n").unwrap();
    let environment = Environment { folder: folder.path().to_owned(), ..environment(&[]) };
    let faults = load_settings(None, &environment).unwrap_err();
    let rendered = render_faults(&faults, false).replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(rendered);
}

#[test]
fn a_folder_of_watchers_that_is_not_there_is_told_where_it_was_named() {
    let text = "language = \"en\"\nwatchers = \"no_such_folder\"\n";
    let settings = parse_settings(Path::new("rowbell.toml"), text, &environment(&[])).unwrap();
    let named = load_watchers(&settings.watchers, &settings).unwrap_err();
    let by_variable = environment(&[("ROWBELL__WATCHERS", "no_such_folder")]);
    let settings = parse_settings(Path::new("rowbell.toml"), "", &by_variable).unwrap();
    let variable = load_watchers(&settings.watchers, &settings).unwrap_err();
    let other = load_watchers(Path::new("another_folder"), &settings).unwrap_err();
    insta::assert_snapshot!(render_faults(&[named, variable, other], false));
}

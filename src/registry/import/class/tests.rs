//! Classes of operations, as real descriptions show them.

use super::*;
use Operation::{Destructive, Read, Write};

/// Each row: path, id, what is told, and what is wanted.
fn all(method: &str, table: &[(&str, &str, &str, Operation)]) {
    for (path, id, told, wanted) in table {
        let asked = Asked { method, path, id: Some(*id).filter(|id| !id.is_empty()), told: &[told] };
        let (class, why) = class(&asked);
        assert_eq!(class, *wanted, "{method} {path} {id} {told}");
        assert_eq!(why.is_some(), class == Read && method == "POST", "{method} {path} {id}");
    }
}

#[test]
fn a_get_that_acts_is_no_read() {
    all(
        "GET",
        &[
            ("/users/{id}/delete", "deleteUser", "", Destructive),
            ("/users/{id}/delete", "getUsersIdDelete", "", Destructive),
            ("/send", "sendMessage", "", Write),
            ("/orders/{id}/cancel", "", "", Write),
            ("/jobs/{id}/start", "startJob", "", Write),
            (
                "/api/v1/namespaces/{namespace}/pods/{name}/exec",
                "connectCoreV1GetNamespacedPodExec",
                "connect GET requests to exec of Pod",
                Write,
            ),
            ("/api/v1/namespaces/{namespace}/pods/{name}/attach", "connectCoreV1GetNamespacedPodAttach", "", Write),
            ("/api/v1/namespaces/{namespace}/pods/{name}/portforward", "connectCoreV1GetNamespacedPodPortforward", "", Write),
            ("/api/v1/nodes/{name}/proxy/{path}", "connectCoreV1GetNodeProxyWithPath", "connect GET requests to proxy of Node", Write),
            ("/apps.uninstall", "apps_uninstall", "Uninstalls your app from a workspace.", Write),
            ("/views.publish", "views_publish", "Publish a static view for a User.", Write),
            ("/views.open", "views_open", "Open a view for a user.", Write),
            ("/views.push", "views_push", "", Write),
            ("/dialog.open", "dialog_open", "", Write),
            ("/rtm.connect", "rtm_connect", "", Write),
            ("/apps.permissions.users.request", "apps_permissions_users_request", "Enables an app to trigger a permissions modal", Write),
            ("/repos/{o}/{r}/dependency-graph/sbom/generate-report", "generate-sbom-report", "Triggers a job to generate an SBOM.", Write),
            ("/lock/{thing}", "lock_thing", "", Write),
            ("/unlock/{thing}", "unlock_thing", "", Write),
            ("/github/link", "link_github", "", Write),
            ("/kkid/share", "", "Create share link", Write),
            ("/choice/{id}/provider", "", "Update the choice of provider in system", Write),
            ("/perf_test/{id}/run", "", "<p>Runs the load test</p>", Write),
            ("/refresh_token", "", "Refreshes your current token and returns a new one.", Write),
            ("/token", "getToken", "Gets a new token, the old one is invalidated.", Write),
            ("/fares/subscriptions", "", "Create a subscription for a fare.", Write),
            ("/notes", "", "Returns all notes and deletes them.", Write),
            ("/items/{id}", "", "This endpoint allows you to cancel an item.", Write),
            ("/cart", "create_cart", "Gets the cart, or creates one.", Write),
            ("/cancel/order/{id}", "", "", Write),
            ("/jobs/next", "getNextJob", "Takes the next job off the queue.", Write),
            ("/jobs/next", "takeNext", "", Write),
            ("/queue/messages", "popMessages", "Returns messages.", Write),
            ("/queue/dequeue", "", "Returns the oldest message.", Write),
            ("/queue/{id}", "getQueueItem", "Consumes one item of the queue.", Write),
            ("/tasks", "claimTask", "Returns a task for this worker.", Write),
            ("/tasks/next", "nextTask", "Returns the next task and locks it.", Write),
            ("/alerts/{id}/acknowledge", "", "Get an alert.", Write),
            ("/seats/{id}", "getSeat", "Reserves a seat.", Write),
            ("/codes", "getCode", "Generates a new code.", Write),
            ("/keys/{id}/rotate", "rotateKey", "Returns the key.", Write),
            ("/api.php?action=deleteUser", "", "", Destructive),
            ("/#Action=RebootInstances", "GET_RebootInstances", "", Write),
        ],
    );
}

#[test]
fn ordinary_gets_stay_reads() {
    all(
        "GET",
        &[
            ("/users", "listUsers", "", Read),
            ("/issues", "", "", Read),
            ("/users/{id}", "", "", Read),
            ("/search", "", "", Read),
            ("/exports/{id}", "", "", Read),
            ("/statuses", "", "", Read),
            ("/settings", "", "", Read),
            ("/checks", "", "", Read),
            ("/events", "", "", Read),
            ("/subscriptions", "", "", Read),
            ("/closed_issues", "", "", Read),
            ("/open_orders", "", "", Read),
            ("/run/{id}", "", "Returns a run", Read),
            ("/runs/{id}/logs", "runLogs", "", Read),
            ("/settings/merge", "getMergeSettings", "", Read),
            ("/projects/{id}/merge_requests", "", "Get all merge requests for this project.", Read),
            ("/push_notifications/", "push_notifications_list", "", Read),
            ("/check_for_update", "", "", Read),
            (
                "/orgs/{org}/installation",
                "apps/get-org-installation",
                "Enables an authenticated GitHub App to find the installation.",
                Read,
            ),
            ("/search", "", "Execute a search query", Read),
            ("/report", "getReport", "Generate a report of tokens.", Read),
            ("/integrations/token", "getIntegrationToken", "Generate a new access token for the service.", Write),
            ("/claims", "claimsList", "Lists claims.", Read),
            ("/claims/{id}", "getClaim", "Returns a claim.", Read),
            ("/lock", "getLock", "Returns whether it is locked and by whom.", Read),
            ("/locks", "lockStates", "Returns the locks.", Read),
            ("/leases/{id}", "getLease", "Get a lease.", Read),
            ("/updates", "", "Update history of the device", Read),
            ("/items", "list_items", "**Deprecation notice:** use /things", Read),
            ("/users", "", "日本語", Read),
            ("", "", "", Read),
        ],
    );
}

#[test]
fn a_post_is_a_read_only_where_everything_says_so() {
    all(
        "POST",
        &[
            ("/users", "createUser", "", Write),
            ("/search", "searchDocuments", "Searches documents.", Read),
            ("/search", "searchDocuments", "Searches documents and deletes them.", Write),
            ("/search", "", "", Write),
            ("/search_and_delete", "Search and delete", "", Destructive),
            ("/people/find_or_create", "Find or create person", "", Write),
            ("/token", "Get access token", "", Write),
            ("/getDataPlaneAccess", "Factories_GetDataPlaneAccess", "Get Data Plane access.", Write),
            ("/GetTemporaryCredentials", "GetTemporaryCredentials", "Returns credentials.", Write),
            ("/files/list_folder", "files_list_folder", "Starts returning the contents of a folder.", Write),
            ("/files/list_folder", "list_folder", "Returns the contents of a folder.", Read),
            ("/query", "query", "Runs SQL.", Write),
            ("/v1/{+resource}:testIamPermissions", "testIamPermissions", "Returns permissions that a caller has.", Read),
            ("/v4/values:batchGetByDataFilter", "batchGetByDataFilter", "Returns one or more ranges of values.", Read),
            ("/users/delete", "removeThem", "", Destructive),
            ("/pulls/{n}/merge", "mergePull", "", Destructive),
        ],
    );
    all("PUT", &[("/users/{id}", "getUser", "", Write)]);
    all("PATCH", &[("/x", "listX", "", Write)]);
    all("DELETE", &[("/users/{id}", "x", "", Destructive)]);
}

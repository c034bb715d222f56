// Peer: oidc-provider. An authorization server that others wrote, on loopback, with the service that it guards and a count of what it granted.
// Arguments: the folder of its packages. Prints its port.

import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const modules = process.argv[2];
const { default: Provider } = await import(pathToFileURL(join(modules, "oidc-provider/lib/index.js")));

let answer = () => {};
const server = createServer((request, response) => answer(request, response));
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";
const redirects = { redirect_uris: ["http://127.0.0.1/callback"], response_types: ["code"], application_type: "native" };
const grants = ["authorization_code", "refresh_token", DEVICE];
const provider = new Provider(issuer, {
  clients: [
    { client_id: "mine", client_secret: "s3cret-of+mine", grant_types: grants, token_endpoint_auth_method: "client_secret_basic", ...redirects },
    { client_id: "posted", client_secret: "s3cret-of+posted", grant_types: grants, token_endpoint_auth_method: "client_secret_post", ...redirects },
    { client_id: "public", grant_types: grants, token_endpoint_auth_method: "none", ...redirects },
    { client_id: "hasty", grant_types: grants, token_endpoint_auth_method: "none", ...redirects },
    { client_id: "robot", client_secret: "s3cret-of+robot", grant_types: ["client_credentials"], redirect_uris: [], response_types: [] },
  ],
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    clientCredentials: { enabled: true },
  },
  scopes: ["openid", "offline_access", "notes"],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  findAccount: async (context, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  ttl: {
    AccessToken: 4,
    ClientCredentials: 4,
    AuthorizationCode: (context, code, client) => (client.clientId === "hasty" ? 1 : 60),
    RefreshToken: 3600,
    DeviceCode: 60,
    Interaction: 600,
    Session: 600,
    Grant: 3600,
    IdToken: 600,
  },
});

const granted = {};
provider.on("grant.success", (context) => {
  const kind = context.oidc.params.grant_type;
  granted[kind] = (granted[kind] ?? 0) + 1;
});

const callback = provider.callback();
answer = async (request, response) => {
  const json = (status, value) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(value));
  };
  if (request.url === "/granted") return json(200, granted);
  if (!request.url.startsWith("/api/")) return callback(request, response);
  const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
  const found = (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token));
  return found?.isValid ? json(200, { login: found.accountId ?? found.clientId }) : json(401, { message: "who are you?" });
};
console.log(JSON.stringify({ issuer }));

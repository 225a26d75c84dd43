// An OpenID Connect provider on loopback: node server.mjs PORT KEYS_FILE
// One client for a program, one for people; who logs in under a name gets what the agency's directory says of that name.
import { readFileSync } from 'node:fs';
import Provider from 'oidc-provider';

const [port, keys] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const year = new Date().toISOString().slice(0, 10);
const directory = {
  'agent-7': {
    roles: ['agent'], position: 'contact-representative', pin: '100007', display_name: 'Ms. Rivera', office: 'S01', region: 'R1',
    amr: ['sc', 'pin'], ial: 3, aal: 3, training_date: year, sanctions_date: year,
  },
  nobody: { roles: [] },
};
const programs = { 'case-system': { roles: ['case_system'] } };

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'case-system', client_secret: 'a-secret-of-the-test', grant_types: ['client_credentials'],
      redirect_uris: [], response_types: [],
    },
    {
      client_id: 'workstation', application_type: 'native', token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'], redirect_uris: ['http://127.0.0.1/signed-in'], response_types: ['code'],
    },
  ],
  jwks: JSON.parse(readFileSync(keys, 'utf8')),
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  cookies: { keys: ['only-for-this-run'] },
  scopes: ['openid', 'muniment'],
  findAccount: (_, id) => (id in directory ? { accountId: id, claims: () => ({ sub: id }) } : undefined),
  extraTokenClaims: (ctx, token) => {
    if (token.kind === 'ClientCredentials') return programs[token.clientId];
    return { ...directory[token.accountId], auth_time: ctx.oidc.entities.AuthorizationCode.authTime ?? token.iat };
  },
  ttl: { AccessToken: 300, ClientCredentials: 300 },
  features: {
    clientCredentials: { enabled: true },
    dPoP: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:muniment:services',
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'muniment', audience: 'muniment', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));

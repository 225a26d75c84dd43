#!/bin/sh
# Five databases under five roles, made when PostgreSQL's data folder is made. Each role owns its own database and
# reaches no other. Passwords come from the environment: POSTGRES_CHAT_GATEWAY_PASSWORD and so on.
# Run again (docker compose exec postgres /docker-entrypoint-initdb.d/databases.sh) it sets new passwords.
set -eu

for service in chat_gateway transcripts production disclosure retention; do
    variable="POSTGRES_$(echo "$service" | tr '[:lower:]' '[:upper:]')_PASSWORD"
    password=$(printenv "$variable") || { echo "databases.sh: set $variable" >&2; exit 1; }
    # It also stands in a URL and in SQL below, so it may hold nothing that would have to be escaped in either.
    case "$password" in '' | *[!A-Za-z0-9_-]*) echo "databases.sh: $variable may hold letters, digits, - and _" >&2; exit 1 ;; esac
    # By standard input: an argument could be read in the process list.
    psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<SQL
\set service '$service'
\set password '$password'
SELECT format('CREATE ROLE %I LOGIN NOCREATEDB NOCREATEROLE', :'service')
 WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = :'service') \gexec
ALTER ROLE :"service" PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' LOCALE ''C.UTF-8'' TEMPLATE template0', :'service', :'service')
 WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = :'service') \gexec
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
SQL
done

psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
REVOKE ALL ON DATABASE template1 FROM PUBLIC;
SQL

#!/bin/sh
# Five databases, made when PostgreSQL's data folder is made. Each belongs to a role of its own that migrates it
# (transcripts_owner) and is entered by the role that the service runs under (transcripts), which owns nothing in it and
# reaches no other. Passwords come from the environment: POSTGRES_TRANSCRIPTS_PASSWORD, POSTGRES_TRANSCRIPTS_OWNER_PASSWORD
# and so on.
# Run again (docker compose exec postgres /docker-entrypoint-initdb.d/databases.sh) it sets new passwords, and hands over
# a database that still belongs to the service's role.
set -eu

for service in chat_gateway transcripts production disclosure retention; do
    for role in "$service" "${service}_owner"; do
        variable="POSTGRES_$(echo "$role" | tr '[:lower:]' '[:upper:]')_PASSWORD"
        password=$(printenv "$variable") || { echo "databases.sh: set $variable" >&2; exit 1; }
        # It also stands in a URL and in SQL below, so it may hold nothing that would have to be escaped in either.
        case "$password" in '' | *[!A-Za-z0-9_-]*) echo "databases.sh: $variable may hold letters, digits, - and _" >&2; exit 1 ;; esac
        # By standard input: an argument could be read in the process list.
        psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<SQL
\set role '$role'
\set password '$password'
SELECT format('CREATE ROLE %I LOGIN NOCREATEDB NOCREATEROLE', :'role')
 WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" PASSWORD :'password';
SQL
    done
    psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<SQL
\set service '$service'
\set owner '${service}_owner'
SELECT format('CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' LOCALE ''C.UTF-8'' TEMPLATE template0', :'service', :'owner')
 WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = :'service') \gexec
\connect :service
REASSIGN OWNED BY :"service" TO :"owner";
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"service" TO :"service", :"owner";
SQL
done

# The keyring belongs to a role of its own; who seals or opens a person's values in events may enter it.
case "${POSTGRES_KEYRING_PASSWORD:-}" in '' | *[!A-Za-z0-9_-]*) echo "databases.sh: POSTGRES_KEYRING_PASSWORD may hold letters, digits, - and _" >&2; exit 1 ;; esac
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<SQL
\set password '$POSTGRES_KEYRING_PASSWORD'
SELECT 'CREATE ROLE keyring LOGIN NOCREATEDB NOCREATEROLE' WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'keyring') \gexec
ALTER ROLE keyring PASSWORD :'password';
SELECT 'CREATE DATABASE keyring OWNER keyring ENCODING ''UTF8'' LOCALE ''C.UTF-8'' TEMPLATE template0'
 WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = 'keyring') \gexec
REVOKE ALL ON DATABASE keyring FROM PUBLIC;
GRANT CONNECT ON DATABASE keyring TO chat_gateway, transcripts, production;
SQL

psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
REVOKE ALL ON DATABASE template1 FROM PUBLIC;
SQL

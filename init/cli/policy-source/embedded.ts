// The policies of policies/, part of the executable so that --policy NAME needs no file.

import apache2 from "../../../policies/apache2.yaml" with { type: "text" };
import bun from "../../../policies/bun.yaml" with { type: "text" };
import cron from "../../../policies/cron.yaml" with { type: "text" };
import gunicorn from "../../../policies/gunicorn.yaml" with { type: "text" };
import haproxy from "../../../policies/haproxy.yaml" with { type: "text" };
import java from "../../../policies/java.yaml" with { type: "text" };
import mariadb from "../../../policies/mariadb.yaml" with { type: "text" };
import memcached from "../../../policies/memcached.yaml" with { type: "text" };
import nginx from "../../../policies/nginx.yaml" with { type: "text" };
import node from "../../../policies/node.yaml" with { type: "text" };
import phpFpm from "../../../policies/php-fpm.yaml" with { type: "text" };
import postgres from "../../../policies/postgres.yaml" with { type: "text" };
import rabbitmq from "../../../policies/rabbitmq.yaml" with { type: "text" };
import redis from "../../../policies/redis.yaml" with { type: "text" };
import shell from "../../../policies/shell.yaml" with { type: "text" };
import sshd from "../../../policies/sshd.yaml" with { type: "text" };
import uvicorn from "../../../policies/uvicorn.yaml" with { type: "text" };
import valkey from "../../../policies/valkey.yaml" with { type: "text" };

const POLICIES: Readonly<Record<string, string>> = {
  apache2,
  bun,
  cron,
  gunicorn,
  haproxy,
  java,
  mariadb,
  memcached,
  nginx,
  node,
  "php-fpm": phpFpm,
  postgres,
  rabbitmq,
  redis,
  shell,
  sshd,
  uvicorn,
  valkey,
};

/** The text of an embedded policy, or undefined when there is none of that name. */
export function embeddedPolicy(name: string): string | undefined {
  return Object.hasOwn(POLICIES, name) ? POLICIES[name] : undefined;
}

export function embeddedNames(): string[] {
  return Object.keys(POLICIES);
}

'use strict'

const { readFileSync } = require('node:fs')
const { verify } = require('jsonwebtoken')

const key = readFileSync(process.env.BENCH_PUBLIC_KEY)
const rules = { algorithms: ['RS256'], audience: 'echo', issuer: process.env.BENCH_ISSUER }

exports.verify = async ({ authorizationToken, methodArn }) => {
  const { sub } = verify(authorizationToken.replace(/^Bearer /, ''), key, rules)
  const statement = { Effect: 'Allow', Action: 'execute-api:Invoke', Resource: methodArn }
  return { principalId: sub, policyDocument: { Version: '2012-10-17', Statement: [statement] } }
}

exports.echo = async ({ body }) => ({ statusCode: 200, headers: { 'Content-Type': 'application/json' }, body })

"""The scoring function: API Gateway's requests in, decisions out.

`app` routes, `transactions`, `labels` and `reading` do what a route promises, `store` keeps decisions and profiles,
`endpoint` asks the model and `active_rules` has the rules of the moment. What needs no AWS is in `fraud`.
"""

// The Gateway API's own CRDs (standard channel), as its module ships them; nothing is built of it.
module github.com/dreamnet/dreamnet/tests/cluster/gateway

go 1.26.6

require sigs.k8s.io/gateway-api v1.6.1
